//! Tables: columns as wide as what is in them.

use super::wrap;

/// The columns of a table, as wide as its headings and its first rows; the last one may be as long as it likes.
#[derive(Debug)]
pub(crate) struct Columns<const N: usize> {
    headings: [&'static str; N],
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Columns in which these rows fit. Of a table without end the later ones may be wider.
    pub(crate) fn fit(headings: [&'static str; N], rows: &[[String; N]]) -> Self {
        let mut widths = headings.map(wrap::columns);
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(wrap::columns(cell));
            }
        }
        Self { headings, widths }
    }

    /// The headings, and a line below.
    pub(crate) fn head(&self) -> String {
        let headings = self.line(&self.headings.map(str::to_owned));
        headings + &self.line(&self.widths.map(|width| "-".repeat(width)))
    }

    /// A row.
    pub(crate) fn line(&self, cells: &[String; N]) -> String {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(self.widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(wrap::columns(cell)) + 1));
        }
        format!("{}\n", line.trim_end())
    }
}

/// A table with these headings.
pub(crate) fn table<const N: usize>(headings: [&'static str; N], rows: &[[String; N]]) -> String {
    let columns = Columns::fit(headings, rows);
    let lines = rows.iter().map(|row| columns.line(row));
    std::iter::once(columns.head()).chain(lines).collect()
}
