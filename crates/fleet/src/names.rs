//! The words in use, each with a number. There may be no more than so many: those that come later count as other.

use std::hash::Hash;

use hashbrown::HashMap;

/// The number of a word while it is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(u32);

/// What stands for every word there was no room for.
pub(crate) const OTHER: Id = Id(0);

/// The words in use.
#[derive(Debug)]
pub(crate) struct Names<T> {
    ids: HashMap<T, Id>,
    /// Each with how often it is in use.
    values: Vec<(T, usize)>,
    free: Vec<Id>,
    most: usize,
}

impl Id {
    /// That of a place among the counts.
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(OTHER.0))
    }

    /// Its place among the counts.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    /// None but `other` and the `usual` ones, which nobody can displace, and room for `most` more.
    pub(crate) fn new(other: T, usual: impl IntoIterator<Item = T>, most: u32) -> Self {
        let mut names =
            Self { ids: HashMap::new(), values: vec![(other, 0)], free: Vec::new(), most: usize::MAX };
        for value in usual {
            names.take(&value); // and never released
        }
        names.most = names.ids.len() + most as usize;
        names
    }

    /// The number of `value`, which is used once more.
    pub(crate) fn take(&mut self, value: &T) -> Id {
        if let Some(&id) = self.ids.get(value) {
            self.values[id.index()].1 += 1;
            return id;
        }
        if *value == self.values[OTHER.index()].0 || self.ids.len() >= self.most {
            return OTHER;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.values.push((value.clone(), 0));
            Id::at(self.values.len() - 1)
        });
        self.values[id.index()] = (value.clone(), 1);
        self.ids.insert(value.clone(), id);
        id
    }

    /// The number of `value` in place of `before`, which is used once less. Nearly always they are the same.
    pub(crate) fn exchange(&mut self, before: Id, value: &T) -> Id {
        if self.get(before) == value {
            return before;
        }
        let now = self.take(value);
        self.release(before);
        now
    }

    /// It is used once less. With its last use it makes room.
    pub(crate) fn release(&mut self, id: Id) {
        if id == OTHER {
            return;
        }
        let (value, uses) = &mut self.values[id.index()];
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.ids.remove(value);
            self.free.push(id);
        }
    }

    /// The word.
    pub(crate) fn get(&self, id: Id) -> &T {
        &self.values[id.index()].0
    }
}

impl<T: Copy + Eq + Hash> Names<Box<[T]>> {
    /// As [`exchange`](Names::exchange), without a box where there is one already.
    pub(crate) fn exchange_slice(&mut self, before: Id, value: &[T]) -> Id {
        if **self.get(before) == *value {
            return before;
        }
        let now = match self.ids.get(value) {
            Some(&id) => {
                self.values[id.index()].1 += 1;
                id
            }
            None => self.take(&value.into()),
        };
        self.release(before);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_for_new_ones_when_old_ones_are_gone() {
        let mut names = Names::new("other", ["usual"], 2);
        let (a, b) = (names.take(&"a"), names.take(&"b"));
        assert_eq!((names.take(&"c"), names.take(&"other")), (OTHER, OTHER));
        assert_eq!(names.take(&"a"), a);
        names.release(a);
        assert_eq!(names.get(a), &"a");
        names.release(a);
        let d = names.take(&"d");
        assert_eq!((names.get(d), names.get(b), names.get(OTHER)), (&"d", &"b", &"other"));
        assert_eq!(names.take(&"a"), OTHER);
        names.release(OTHER);
        let usual = names.take(&"usual");
        names.release(usual);
        assert_eq!((usual == OTHER, names.take(&"usual")), (false, usual));
    }
}
