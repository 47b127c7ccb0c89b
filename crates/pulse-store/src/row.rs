//! Reading columns: times and JSON.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StoreError};

pub fn text(row: &SqliteRow, column: &str) -> Result<String> {
    Ok(row.try_get(column)?)
}

pub fn integer(row: &SqliteRow, column: &str) -> Result<i64> {
    Ok(row.try_get(column)?)
}

pub fn time(row: &SqliteRow, column: &str) -> Result<Timestamp> {
    to_time(column, row.try_get(column)?)
}

pub fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|value| to_time(column, value))
        .transpose()
}

fn to_time(column: &str, microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|error| StoreError::corrupt(column, error))
}

pub fn from_json<T: serde::de::DeserializeOwned>(place: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| StoreError::corrupt(place, error))
}

pub fn to_json<T: serde::Serialize + ?Sized>(place: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(place, error))
}
