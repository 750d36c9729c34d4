//! Which places are marked, one bit each, to find the next one quickly.

use crate::slab::Slot;

/// Which places are marked.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<u64>);

const BITS: u32 = u64::BITS;

impl Marks {
    pub(crate) fn set(&mut self, slot: Slot) {
        let word = (slot.index() / BITS) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot.index() % BITS);
    }

    pub(crate) fn clear(&mut self, slot: Slot) {
        if let Some(word) = self.0.get_mut((slot.index() / BITS) as usize) {
            *word &= !(1 << (slot.index() % BITS));
        }
    }

    /// The first marked place from `from` on.
    pub(crate) fn next(&self, from: u32) -> Option<Slot> {
        let first = (from / BITS) as usize;
        let mut word = self.0.get(first)? & (u64::MAX << (from % BITS));
        for index in first.. {
            if word != 0 {
                let base = u32::try_from(index).ok()?.checked_mul(BITS)?;
                return Some(Slot::new(base + word.trailing_zeros()));
            }
            word = *self.0.get(index + 1)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_marked_ones_in_their_order() {
        let mut marks = Marks::default();
        let marked = [0, 63, 64, 700, 6400];
        for slot in marked {
            marks.set(Slot::new(slot));
        }
        marks.set(Slot::new(65));
        marks.clear(Slot::new(65));
        marks.clear(Slot::new(99_999));
        let mut from = 0;
        let mut found = Vec::new();
        while let Some(slot) = marks.next(from) {
            found.push(slot.index());
            from = slot.index() + 1;
        }
        assert_eq!(found, marked);
        assert_eq!(marks.next(u32::MAX), None);
    }
}
