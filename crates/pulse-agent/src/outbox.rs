//! Reports that could not be delivered yet: encoded, in order, bounded in number and in bytes.
//! At the bound the oldest is dropped and counted.

use std::collections::VecDeque;

const MOST_REPORTS: usize = 60;
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Default)]
pub struct Outbox {
    reports: VecDeque<Box<[u8]>>,
    bytes: usize,
    dropped: u64,
}

impl Outbox {
    pub fn push(&mut self, report: Box<[u8]>) {
        self.bytes += report.len();
        self.reports.push_back(report);
        while self.reports.len() > MOST_REPORTS
            || (self.bytes > MOST_BYTES && self.reports.len() > 1)
        {
            self.pop();
            self.dropped += 1;
        }
    }

    /// The oldest report, still kept.
    pub fn oldest(&self) -> Option<&[u8]> {
        self.reports.front().map(AsRef::as_ref)
    }

    /// Forgets the oldest report.
    pub fn pop(&mut self) {
        if let Some(report) = self.reports.pop_front() {
            self.bytes -= report.len();
        }
        if self.reports.is_empty() {
            self.reports = VecDeque::new();
        }
    }

    pub fn len(&self) -> usize {
        self.reports.len()
    }

    /// How many were dropped since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_sixty_in_order() {
        let mut outbox = Outbox::default();
        for number in 0..70_u8 {
            outbox.push(Box::new([number]));
        }
        assert_eq!(
            (outbox.len(), outbox.take_dropped(), outbox.take_dropped()),
            (60, 10, 0)
        );
        for number in 10..70_u8 {
            assert_eq!(outbox.oldest(), Some(&[number][..]));
            outbox.pop();
        }
        assert_eq!((outbox.oldest(), outbox.bytes), (None, 0));
        outbox.pop();
    }

    #[test]
    fn large_reports_are_bounded_in_bytes_but_one_is_kept() {
        let mut outbox = Outbox::default();
        for _ in 0..5 {
            outbox.push(vec![0; MOST_BYTES / 2].into());
        }
        assert_eq!(outbox.len(), 2);
        outbox.push(vec![0; 3 * MOST_BYTES].into());
        assert_eq!(outbox.len(), 1);
    }
}
