//! Tables: columns as wide as what is in them.

use super::wrap;

/// A table with these headings; the last column may be as long as it likes.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(wrap::columns);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(wrap::columns(cell));
        }
    }
    let mut text = line(&headings.map(str::to_owned), &widths);
    text.push_str(&line(&widths.map(|width| "-".repeat(width)), &widths));
    for row in rows {
        text.push_str(&line(row, &widths));
    }
    text
}

fn line<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width - wrap::columns(cell) + 1));
    }
    format!("{}\n", line.trim_end())
}
