//! Values into statements, rows into structs: the same for both databases.

use kernel::{Id, Labels, Sealed, Timestamp, TokenHash};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

/// A value bound to a statement.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants are the column types")]
pub enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Uuid(Option<Uuid>),
    Bytes(Option<Vec<u8>>),
}

/// Declares how Rust types become arguments.
macro_rules! args {
    ($($rust:ty => $variant:ident ($convert:expr);)*) => {$(
        impl From<$rust> for Arg {
            fn from(value: $rust) -> Self {
                let convert: fn($rust) -> _ = $convert;
                Self::$variant(Some(convert(value)))
            }
        }
        impl From<Option<$rust>> for Arg {
            fn from(value: Option<$rust>) -> Self {
                let convert: fn($rust) -> _ = $convert;
                Self::$variant(value.map(convert))
            }
        }
    )*};
}

args! {
    &str => Text(str::to_owned);
    String => Text(std::convert::identity);
    &String => Text(String::clone);
    i64 => Int(std::convert::identity);
    bool => Bool(std::convert::identity);
    Uuid => Uuid(std::convert::identity);
    Vec<u8> => Bytes(std::convert::identity);
    &[u8] => Bytes(<[u8]>::to_vec);
    Timestamp => Int(Timestamp::micros);
    TokenHash => Bytes(|hash| hash.0.to_vec());
    &Labels => Text(|labels| serde_json::to_string(labels).unwrap_or_default());
    &serde_json::Value => Text(serde_json::Value::to_string);
}

impl<T> From<Id<T>> for Arg {
    fn from(id: Id<T>) -> Self {
        Self::Uuid(Some(id.uuid()))
    }
}
impl<T> From<Option<Id<T>>> for Arg {
    fn from(id: Option<Id<T>>) -> Self {
        Self::Uuid(id.map(Id::uuid))
    }
}
impl<T> From<&Sealed<T>> for Arg {
    fn from(sealed: &Sealed<T>) -> Self {
        Self::Bytes(Some(sealed.bytes().to_vec()))
    }
}
impl<T> From<Option<&Sealed<T>>> for Arg {
    fn from(sealed: Option<&Sealed<T>>) -> Self {
        Self::Bytes(sealed.map(|sealed| sealed.bytes().to_vec()))
    }
}

/// A row of either database.
#[derive(Clone, Copy)]
pub enum Row<'r> {
    /// From SQLite.
    Sqlite(&'r SqliteRow),
    /// From PostgreSQL.
    Postgres(&'r PgRow),
}

impl Row<'_> {
    /// The value of a column.
    pub fn get<T: Column>(self, name: &str) -> Result<T, sqlx::Error> {
        let raw = match self {
            Self::Sqlite(row) => row.try_get(name)?,
            Self::Postgres(row) => row.try_get(name)?,
        };
        T::read(raw).map_err(|source| sqlx::Error::ColumnDecode { index: name.to_owned(), source })
    }
}

/// A type that both drivers read.
pub trait RawColumn:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}
impl<T> RawColumn for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// Why a stored value makes no sense.
pub type Nonsense = Box<dyn std::error::Error + Send + Sync>;

/// A type that a column becomes.
pub trait Column: Sized {
    /// What the drivers read.
    type Raw: RawColumn;
    /// Makes sense of it.
    fn read(raw: Self::Raw) -> Result<Self, Nonsense>;
}

/// Declares column types and how they come out of what the drivers read.
macro_rules! columns {
    ($($rust:ty = $raw:ty => $read:expr;)*) => {$(
        impl Column for $rust {
            type Raw = $raw;
            fn read(raw: $raw) -> Result<Self, Nonsense> {
                let read: fn($raw) -> Result<$rust, Nonsense> = $read;
                read(raw)
            }
        }
    )*};
}

columns! {
    String = String => Ok;
    i64 = i64 => Ok;
    bool = bool => Ok;
    Uuid = Uuid => Ok;
    Vec<u8> = Vec<u8> => Ok;
    TokenHash = Vec<u8> => |bytes| <[u8; 32]>::try_from(bytes).map(TokenHash).map_err(|_| "no hash".into());
    Timestamp = i64 => |micros| Ok(Timestamp::from_micros(micros));
    Labels = String => |text| serde_json::from_str(&text).map_err(Into::into);
    serde_json::Value = String => |text| serde_json::from_str(&text).map_err(Into::into);
}

impl<T> Column for Id<T> {
    type Raw = Uuid;
    fn read(raw: Uuid) -> Result<Self, Nonsense> {
        Ok(Self::from_uuid(raw))
    }
}
impl<T> Column for Sealed<T> {
    type Raw = Vec<u8>;
    fn read(raw: Vec<u8>) -> Result<Self, Nonsense> {
        Ok(Self::from_bytes(raw))
    }
}
impl<T: Column> Column for Option<T>
where
    Option<T::Raw>: RawColumn,
{
    type Raw = Option<T::Raw>;
    fn read(raw: Self::Raw) -> Result<Self, Nonsense> {
        raw.map(T::read).transpose()
    }
}

/// A struct that a row becomes. [`crate::from_row`] writes it.
pub trait FromRow: Sized + Send {
    /// Reads the row.
    fn from_row(row: Row<'_>) -> Result<Self, sqlx::Error>;
}

/// A single column, named `value` in the statement.
impl<T: Column + Send> FromRow for (T,) {
    fn from_row(row: Row<'_>) -> Result<Self, sqlx::Error> {
        Ok((row.get("value")?,))
    }
}

/// Implements [`FromRow`] for a struct whose fields have the names of columns.
#[macro_export]
macro_rules! from_row {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::db::FromRow for $name {
            fn from_row(row: $crate::db::Row<'_>) -> Result<Self, $crate::sqlx::Error> {
                Ok(Self { $($field: row.get(stringify!($field))?,)* })
            }
        }
    };
}

/// The arguments of a statement.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Arg::from($value)),*] };
}
