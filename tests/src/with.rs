//! Values that gain fields are changed, not written out.

/// `value`, changed.
pub fn with<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}
