//! Faults are sentences: what happened, and what to do about it.

use std::fmt::{self, Display};

/// One sentence for the person at the terminal.
pub struct Fault(String);

pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A test that unwraps a `Result` should show the sentence, not its wrapping.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Puts what was being done in front of a foreign error, which tells only its own half.
pub trait While<T> {
    fn during(self, what: impl Display) -> Result<T>;
}

impl<T, E: Display> While<T> for std::result::Result<T, E> {
    fn during(self, what: impl Display) -> Result<T> {
        self.map_err(|error| Fault::new(format!("{what}: {error}")))
    }
}
