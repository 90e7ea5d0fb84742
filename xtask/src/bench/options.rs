//! What a benchmark run is asked to do.

use std::time::Duration;

use crate::fault::{Fault, Result};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[derive(Debug, PartialEq)]
pub struct Options {
    pub databases: Vec<Database>,
    pub length: Duration,
    pub rounds: usize,
    pub users: u64,
    pub write: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            databases: vec![Database::Sqlite, Database::Postgres],
            length: Duration::from_secs(4),
            rounds: 3,
            users: 100_000,
            write: false,
        }
    }
}

impl Options {
    pub fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| Fault::new(format!("`{word}` needs a value; see `cargo xtask help`.")))
            };
            match word {
                "--write" => options.write = true,
                "--database" => options.databases = databases(value()?)?,
                "--seconds" => options.length = seconds(value()?)?,
                "--rounds" => options.rounds = number(word, value()?)?,
                "--users" => options.users = number(word, value()?)?,
                _ => {
                    return Err(Fault::new(format!(
                        "`bench` does not know `{word}`; see `cargo xtask help`."
                    )));
                }
            }
        }
        Ok(options)
    }
}

fn databases(value: &str) -> Result<Vec<Database>> {
    match value {
        "sqlite" => Ok(vec![Database::Sqlite]),
        "postgres" => Ok(vec![Database::Postgres]),
        "both" => Ok(vec![Database::Sqlite, Database::Postgres]),
        _ => Err(Fault::new(format!("`--database` is sqlite, postgres or both, not `{value}`."))),
    }
}

fn seconds(value: &str) -> Result<Duration> {
    match value.parse::<f64>() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(Fault::new(format!("`--seconds` is a number from 0.1 to 600, not `{value}`."))),
    }
}

fn number<N: TryFrom<u64>>(word: &str, value: &str) -> Result<N> {
    value
        .parse::<u64>()
        .ok()
        .filter(|&number| number > 0)
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| Fault::new(format!("`{word}` is a whole number from 1 on, not `{value}`.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options> {
        Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_read() {
        let expected = Options {
            databases: vec![Database::Postgres],
            length: Duration::from_millis(500),
            rounds: 5,
            users: 1000,
            write: true,
        };
        let words = "--database postgres --seconds 0.5 --rounds 5 --users 1000 --write";
        assert_eq!(parse(words).expect("all are known"), expected);
        assert_eq!(parse("").expect("defaults"), Options::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wrong = [
            "--rounds 0",
            "--rounds",
            "--seconds nan",
            "--seconds -1",
            "--users x",
            "--database mysql",
            "--fast",
        ];
        for words in wrong {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
