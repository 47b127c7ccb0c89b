//! Columns of a patch: which values of a resource move, how they are rounded, and which rows
//! share a group.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One moving value. The order is the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    LastSeen,
    Boot,
    Cpu,
    Mem,
    Disk,
    Used,
    NetworkIn,
    NetworkOut,
    DiskRead,
    DiskWrite,
    Load,
    Sensors,
    Temperature,
}

impl Column {
    const ALL: [Self; 13] = [
        Self::LastSeen,
        Self::Boot,
        Self::Cpu,
        Self::Mem,
        Self::Disk,
        Self::Used,
        Self::NetworkIn,
        Self::NetworkOut,
        Self::DiskRead,
        Self::DiskWrite,
        Self::Load,
        Self::Sensors,
        Self::Temperature,
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::LastSeen => "lastSeen",
            Self::Boot => "boot",
            Self::Cpu => "cpu",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Used => "used",
            Self::NetworkIn => "networkIn",
            Self::NetworkOut => "networkOut",
            Self::DiskRead => "diskRead",
            Self::DiskWrite => "diskWrite",
            Self::Load => "load",
            Self::Sensors => "sensors",
            Self::Temperature => "temperature",
        }
    }
}

/// A rounded value on its way to the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Int(i64),
    /// Thousandths.
    Milli(i64),
    /// Tenths.
    Tenth(i64),
    Load([f64; 3]),
    /// An object that replaces the key of the column's name.
    Object(Value),
    None,
}

impl Cell {
    pub fn ratio(value: f64) -> Self {
        Self::Milli((value * 1000.0).round() as i64)
    }

    pub fn percent(value: f64) -> Self {
        Self::Tenth((value * 10.0).round() as i64)
    }

    pub fn mib(bytes: u64) -> Self {
        Self::Int(((bytes + (1 << 19)) >> 20) as i64)
    }

    /// Three significant digits.
    pub fn rate(value: i64) -> Self {
        let mut scale = 1;
        while value / scale >= 1000 {
            scale *= 10;
        }
        Self::Int((value + scale / 2) / scale * scale)
    }

    fn into_json(self) -> Value {
        match self {
            Self::Int(value) => json!(value),
            Self::Milli(value) if value % 1000 == 0 => json!(value / 1000),
            Self::Milli(value) => json!(value as f64 / 1000.0),
            Self::Tenth(value) if value % 10 == 0 => json!(value / 10),
            Self::Tenth(value) => json!(value as f64 / 10.0),
            Self::Load(load) => json!(load),
            Self::Object(value) => value,
            Self::None => Value::Null,
        }
    }
}

/// The changed cells of one resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    cells: Vec<(Column, Cell)>,
}

impl Row {
    /// Notes a value if it differs from what the client has.
    #[allow(clippy::needless_pass_by_value)] // both are made for this call
    pub fn changed(&mut self, column: Column, before: Cell, after: Cell) {
        if before != after {
            self.cells.push((column, after));
        }
    }

    /// Notes an object that replaces a whole key.
    pub fn replaced(&mut self, column: Column, value: Value) {
        self.cells.push((column, Cell::Object(value)));
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// Rows with the same changed columns share a group.
#[derive(Debug, Default)]
pub(super) struct Patch {
    groups: BTreeMap<u16, Vec<(u32, Row)>>,
}

impl Patch {
    pub fn push(&mut self, handle: u32, mut row: Row) {
        if row.is_empty() {
            return;
        }
        row.cells.sort_by_key(|(column, _)| *column);
        let mask = row
            .cells
            .iter()
            .fold(0, |mask, (column, _)| mask | 1 << (*column as u16));
        self.groups.entry(mask).or_default().push((handle, row));
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub fn to_json(&self) -> Value {
        let groups = self.groups.iter().map(|(mask, rows)| {
            let mut group = Map::new();
            group.insert("h".into(), rows.iter().map(|(h, _)| json!(h)).collect());
            let columns = Column::ALL
                .into_iter()
                .filter(|column| mask & 1 << (*column as u16) != 0);
            for (index, column) in columns.enumerate() {
                let cells: Vec<Cell> = rows
                    .iter()
                    .filter_map(|(_, row)| row.cells.get(index).map(|(_, cell)| cell.clone()))
                    .collect();
                let same = cells.windows(2).all(|pair| pair[0] == pair[1]);
                // A scalar load would look like a column of three.
                let value = match cells.first() {
                    Some(first) if same && !matches!(first, Cell::Load(_)) => {
                        first.clone().into_json()
                    }
                    _ => cells.into_iter().map(Cell::into_json).collect(),
                };
                group.insert(column.key().into(), value);
            }
            Value::Object(group)
        });
        groups.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn rates_keep_three_significant_digits() {
        assert_eq!(Cell::rate(0), Cell::Int(0));
        assert_eq!(Cell::rate(999), Cell::Int(999));
        assert_eq!(Cell::rate(12_345), Cell::Int(12_300));
        assert_eq!(Cell::rate(9_999_999), Cell::Int(10_000_000));
    }
}
