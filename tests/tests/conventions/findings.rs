//! What is wrong, collected: a table of a thousand requests that stops at the first bad one hides the
//! other nine hundred.

/// The findings of a test, one line each.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Something is wrong.
    pub fn note(&mut self, line: impl Into<String>) {
        self.0.push(line.into());
    }

    /// Something is wrong unless this holds.
    pub fn want(&mut self, holds: bool, line: impl FnOnce() -> String) {
        if !holds {
            self.note(line());
        }
    }

    /// Fails the test with every finding.
    #[track_caller]
    pub fn end(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// The beginning of a text, for a line.
pub fn brief(text: &str) -> String {
    let short: String = text.chars().take(300).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
