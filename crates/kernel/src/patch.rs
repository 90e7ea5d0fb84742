//! The three states of a field in a partial update.

/// What a PATCH says of one field (RFC 7396: absent leaves, null clears, a value sets).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field was not sent.
    #[default]
    Absent,
    /// The field was sent as `null`.
    Null,
    /// The field was sent with a value.
    Value(T),
}

impl<T> Patch<T> {
    /// Lays the update over a value that may be cleared.
    pub fn over(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Lays the update over a value that always exists: `null` means "not set", as absent does
    /// (clients send explicit nulls for what their user left out).
    pub fn or(self, current: T) -> T {
        match self {
            Self::Value(value) => value,
            Self::Absent | Self::Null => current,
        }
    }

    /// The new value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}
