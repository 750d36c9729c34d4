//! Places that are used again, in blocks: growing moves nothing.

/// How many places a block has: so many that a large fleet lies in few pieces, and untouched ones cost nothing.
const BLOCK: usize = 1 << 14;

/// The place of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

/// Things in places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    blocks: Vec<Vec<Option<T>>>,
    free: Vec<Slot>,
    places: u32,
}

impl Slot {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    pub(crate) const fn index(self) -> u32 {
        self.0
    }

    const fn block(self) -> usize {
        self.0 as usize / BLOCK
    }

    const fn place(self) -> usize {
        self.0 as usize % BLOCK
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), free: Vec::new(), places: 0 }
    }
}

impl<T> Slab<T> {
    /// Keeps `value`, in a place that was given back or else in a new one.
    pub(crate) fn insert(&mut self, value: T) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = Slot(self.places);
            if slot.place() == 0 {
                self.blocks.push(Vec::with_capacity(BLOCK));
            }
            self.blocks[slot.block()].push(None);
            self.places += 1; // of four billion, for which no memory would do
            slot
        });
        self.blocks[slot.block()][slot.place()] = Some(value);
        slot
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        self.blocks.get(slot.block())?.get(slot.place())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.blocks.get_mut(slot.block())?.get_mut(slot.place())?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let value = self.blocks.get_mut(slot.block())?.get_mut(slot.place())?.take()?;
        self.free.push(slot);
        Some(value)
    }

    /// How many places there are, whether or not something is in them.
    pub(crate) const fn places(&self) -> u32 {
        self.places
    }

    /// Everything there is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::default();
        let slots: Vec<_> = (0..40_000).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.get(slots[39_999]), Some(&39_999));
        assert_eq!(slab.remove(slots[1500]), Some(1500));
        assert_eq!((slab.remove(slots[1500]), slab.get(slots[1500])), (None, None));
        assert_eq!(slab.insert(7), slots[1500]);
        assert_eq!(slab.iter().count(), 40_000);
        assert_eq!(slab.get(Slot::new(50_000)), None);
    }
}
