//! What mails say. A letter is a template whose first line is the subject; an operator's file of the same
//! name goes before the one inside the binary.

use std::{collections::BTreeSet, path::Path};

use kernel::{Problem, Result};
use minijinja::{Environment, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;

use crate::pages::Template;

/// All letters, ready to be filled.
pub struct Letters(Environment<'static>);

const SUBJECT: &str = "Subject: ";

impl Letters {
    /// Reads the letters; fails on one that is faulty, the operator's included.
    pub fn new(builtin: &[Template], directory: Option<&Path>) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in builtin {
            let known = add(&mut environment, name, name, (*text).to_owned())?;
            let own = directory.map(|directory| directory.join(name)).filter(|path| path.exists());
            let Some(own) = own else { continue };
            let place = own.display().to_string();
            let text = std::fs::read_to_string(&own)
                .map_err(|error| format!("the letter {place} cannot be read: {error}"))?;
            let used = add(&mut environment, name, &place, text)?;
            if let Some(stranger) = used.difference(&known).next() {
                let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(format!("the letter {place} uses `{stranger}`, but there are only {known}"));
            }
        }
        Ok(Self(environment))
    }

    /// The subject and the text of a letter.
    pub fn write(&self, name: &str, context: impl Serialize) -> Result<(String, String)> {
        let fault = |error: minijinja::Error| Problem::internal(format!("the letter {name}: {error:#}"));
        let letter = self.0.get_template(name).map_err(fault)?;
        let text = letter.render(Value::from(Serde(context))).map_err(fault)?;
        let (subject, body) = text.split_once('\n').unwrap_or((&text, ""));
        // A name with a line break in it must not become a header of its own.
        let subject = subject.trim_start_matches(SUBJECT).replace(char::is_control, " ");
        Ok((subject.trim().to_owned(), body.trim_start().to_owned()))
    }
}

/// Takes a letter in, in place of an earlier one of the same name; what it wants to be told.
fn add(
    environment: &mut Environment<'static>,
    name: &str,
    place: &str,
    text: String,
) -> Result<BTreeSet<String>, String> {
    let faulty = |error: minijinja::Error| format!("the letter {place} is faulty: {error}");
    if !text.starts_with(SUBJECT) {
        return Err(format!("the letter {place} must begin with `{SUBJECT}`"));
    }
    environment.add_template_owned(name.to_owned(), text).map_err(faulty)?;
    let letter = environment.get_template(name).map_err(faulty)?;
    Ok(letter.undeclared_variables(false).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_letter_goes_before_ours() {
        let builtin = [("x.txt", "Subject: Hello {{ name }}\n\nOurs, {{ name }}.\n")];
        let ours = Letters::new(&builtin, None)
            .unwrap()
            .write("x.txt", [("name", "A\nBcc: x")].into_iter().collect::<std::collections::BTreeMap<_, _>>())
            .unwrap();
        assert_eq!(ours.0, "Hello A", "a subject is one line");
        let directory = std::env::temp_dir().join(format!("latchkey-letters-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("x.txt"), "Subject: Theirs\n\nTheirs.\n").unwrap();
        let theirs = Letters::new(&builtin, Some(&directory)).unwrap().write("x.txt", ()).unwrap();
        assert_eq!(theirs, ("Theirs".to_owned(), "Theirs.".to_owned()));
        for bad in ["No subject", "Subject: {{ open", "Subject: {{ stranger }}"] {
            std::fs::write(directory.join("x.txt"), bad).unwrap();
            assert!(Letters::new(&builtin, Some(&directory)).is_err(), "{bad}");
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
