//! A writer for Proxmox-shaped JSON: keys in the order of the calls, straight into one buffer.
//!
//! Proxmox leaves keys out rather than sending null, so an answer is easier to read as a list of
//! calls with conditions than as a struct full of options. Whole numbers are written without a
//! fraction, as Perl does. Keys are our own literals and need no escaping; texts are escaped by
//! `serde_json`.

use std::io::Write as _;

/// An object or list being written.
#[derive(Debug)]
pub(crate) struct Json {
    out: Vec<u8>,
    comma: bool,
}

impl Json {
    /// `{"data":…}` around what `write` writes.
    pub(crate) fn data(capacity: usize, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut json = Self {
            out: Vec::with_capacity(capacity + 16),
            comma: false,
        };
        json.object(|o| {
            o.key("data");
            write(o);
        });
        json.out
    }

    /// `{"data":[…]}`.
    pub(crate) fn data_list(capacity: usize, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        Self::data(capacity, |j| j.list(write))
    }

    /// `{"data":{…}}`.
    pub(crate) fn data_object(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        Self::data(1024, |j| j.object(write))
    }

    pub(crate) fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.enclosed(b'{', b'}', write);
    }

    pub(crate) fn list(&mut self, write: impl FnOnce(&mut Self)) {
        self.enclosed(b'[', b']', write);
    }

    fn enclosed(&mut self, open: u8, close: u8, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(open);
        self.comma = false;
        write(self);
        self.out.push(close);
        self.comma = true;
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.comma = false;
        self
    }

    /// An element that is a text.
    pub(crate) fn text_item(&mut self, value: &str) {
        self.separate();
        // Writing a str into a Vec cannot fail.
        let _ = serde_json::to_writer(&mut self.out, value);
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).text_item(value);
        self
    }

    /// Anything printable as a JSON text.
    pub(crate) fn shown(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.text(key, &value.to_string())
    }

    pub(crate) fn int(&mut self, key: &str, value: impl Into<i128>) -> &mut Self {
        let value = value.into();
        self.key(key).raw(format_args!("{value}"));
        self
    }

    /// 1 or 0, Proxmox's booleans.
    pub(crate) fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.int(key, u8::from(value))
    }

    /// JSON true or false, as data from QEMU has it.
    pub(crate) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key).raw(format_args!("{value}"));
        self
    }

    pub(crate) fn float(&mut self, key: &str, value: f64) -> &mut Self {
        let value = if value.is_finite() { value } else { 0.0 };
        self.key(key).raw(format_args!("{value}"));
        self
    }

    pub(crate) fn null(&mut self, key: &str) -> &mut Self {
        self.key(key).raw(format_args!("null"));
        self
    }

    pub(crate) fn nested(&mut self, key: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key).object(write);
        self
    }

    pub(crate) fn nested_list(&mut self, key: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key).list(write);
        self
    }

    fn raw(&mut self, text: std::fmt::Arguments<'_>) {
        self.separate();
        let _ = self.out.write_fmt(text);
    }
}
