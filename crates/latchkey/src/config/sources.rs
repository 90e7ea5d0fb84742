//! Where settings come from: flags, the environment, one TOML file, defaults; and reading one of them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::SETTINGS;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A flag of the command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// This file.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting's text and where it came from.
#[derive(Clone)]
pub struct Given {
    /// The text; `None` if nobody set it and there is no default.
    pub text: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// The texts of all settings.
pub struct Sources {
    given: BTreeMap<&'static str, Given>,
    pub(super) faults: Vec<String>,
}

impl Sources {
    /// Gathers the texts. `flags` are those of the command line.
    pub fn gather(
        flags: &dyn Fn(&str) -> Option<String>,
        environment: &BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Self {
        let mut faults = Vec::new();
        let from_file = file.map(|path| (path, read_file(path, &mut faults)));
        let mut given = BTreeMap::new();
        for setting in SETTINGS {
            let variable = setting.environment();
            let in_file =
                from_file.as_ref().and_then(|(path, values)| Some((path, values.get(setting.name)?)));
            let (text, origin) = if let Some(text) = flags(setting.name) {
                (Some(text), Origin::Flag)
            } else if let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) {
                (Some(text.clone()), Origin::Environment(variable))
            } else if let Some((path, text)) = in_file {
                (Some(text.clone()), Origin::File(path.to_path_buf()))
            } else {
                (setting.default.map(str::to_owned), Origin::Default)
            };
            given.insert(setting.name, Given { text, origin });
        }
        Self { given, faults }
    }

    /// A setting's text and origin.
    pub fn get(&self, name: &str) -> Given {
        self.given.get(name).cloned().unwrap_or(Given { text: None, origin: Origin::Default })
    }

    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Given { text, origin } = self.get(name);
        let text = text?;
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        parse(&text)
            .map_err(|rule| {
                let secret = setting.is_some_and(|setting| setting.secret);
                let shown = if secret { "***".to_owned() } else { frame::db::masked(&text) };
                self.faults.push(format!("{name} is [{shown}] ({origin}), but it {rule}"));
            })
            .ok()
    }

    pub(super) fn number(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        self.read(name, |text| match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("must be a whole number from {least} to {most}")),
        })
    }

    pub(super) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, |text| match text {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        })
    }
}

/// Reads the file; `[bootstrap] email` is the setting `bootstrap-email`.
fn read_file(path: &Path, faults: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(format!("the configuration file {} cannot be read: {error}", path.display()));
            return values;
        }
    };
    match text.parse::<toml::Table>() {
        Ok(table) => flatten("", &table, &mut values),
        Err(error) => {
            faults.push(format!("the configuration file {} is not TOML: {}", path.display(), error.message()))
        }
    }
    for name in values.keys() {
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            faults.push(format!("{name} is no setting (file {})", path.display()));
        }
    }
    values
}

fn flatten(prefix: &str, table: &toml::Table, values: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key.replace('_', "-")
        } else {
            format!("{prefix}-{}", key.replace('_', "-"))
        };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, values),
            toml::Value::String(text) => {
                values.insert(name, text.clone());
            }
            toml::Value::Array(items) => {
                let texts: Vec<String> = items
                    .iter()
                    .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                    .collect();
                values.insert(name, texts.join(","));
            }
            other => {
                values.insert(name, other.to_string());
            }
        }
    }
}
