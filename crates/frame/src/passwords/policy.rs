//! What a good password is: twelve characters, four kinds of them, no character three times in a row.

use kernel::{Fault, Invalid};

/// Fewest characters.
const LEAST: usize = 12;

/// What is wrong with a password, every fault at once; `field` is where it stood.
pub fn faults(field: &str, password: &str) -> Vec<Invalid> {
    let count = |kind: fn(char) -> bool| password.chars().filter(|&c| kind(c)).count();
    let special = |c: char| !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control();
    let characters: Vec<char> = password.chars().collect();
    let mut faults = Vec::new();
    let mut fault = |rule: &'static str, least: usize, reason: String| {
        let least = i64::try_from(least).unwrap_or(i64::MAX);
        faults.push(Invalid::body(field, Fault::Password(rule, least, reason)));
    };
    if characters.len() < LEAST {
        fault("min_length", LEAST, format!("is too short (minimum length: {LEAST})"));
    }
    if count(|c| c.is_ascii_digit()) == 0 {
        fault("min_digits", 1, "must contain at least 1 digit".to_owned());
    }
    if count(char::is_lowercase) == 0 {
        fault("min_lowercase", 1, "must contain at least 1 lower case character".to_owned());
    }
    if count(char::is_uppercase) == 0 {
        fault("min_uppercase", 1, "must contain at least 1 upper case character".to_owned());
    }
    if count(special) == 0 {
        fault("min_symbols", 1, "must contain at least 1 special character".to_owned());
    }
    if characters.windows(3).any(|three| three[0] == three[1] && three[1] == three[2]) {
        let reason = "must not contain the same character more than 2 times in a row".to_owned();
        faults.push(Invalid::body(field, Fault::Rule(reason)));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_told_at_once() {
        assert!(faults("p", "Correct-Horse-7").is_empty());
        assert_eq!(faults("p", "").len(), 5);
        assert_eq!(faults("p", "AAA").len(), 5);
        for bad in [
            "Short-Horse7",
            "correct-horse-7",
            "CORRECT-HORSE-7",
            "Correct-Horse",
            "CorrectHorse77",
            "Corrrect-Horse7",
        ] {
            assert!(faults("p", bad).len() == usize::from(bad != "Short-Horse7"), "{bad}");
        }
    }
}
