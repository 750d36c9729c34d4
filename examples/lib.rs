//! Small programs to copy. Each stands alone in a file beside this one.
