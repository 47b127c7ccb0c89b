//! Equal texts and equal file lists of tens of thousands of backups share one value.

use std::collections::HashSet;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Interner {
    words: HashSet<Arc<str>>,
    lists: HashSet<Arc<[Arc<str>]>>,
}

impl Interner {
    pub fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.words.get(text) {
            return Arc::clone(known);
        }
        let word: Arc<str> = text.into();
        self.words.insert(Arc::clone(&word));
        word
    }

    pub fn list<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Arc<[Arc<str>]> {
        let list: Vec<Arc<str>> = words.map(|word| self.word(word)).collect();
        if let Some(known) = self.lists.get(list.as_slice()) {
            return Arc::clone(known);
        }
        let list: Arc<[Arc<str>]> = list.into();
        self.lists.insert(Arc::clone(&list));
        list
    }

    /// Forgets what nobody uses any more.
    pub fn sweep(&mut self) {
        self.lists.retain(|list| Arc::strong_count(list) > 1);
        self.words.retain(|word| Arc::strong_count(word) > 1);
    }
}
