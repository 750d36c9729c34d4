//! Printing a list of agents as it comes: of a large fleet it is never held in memory.

use crate::args::Format;
use crate::error::CliError;
use crate::output;
use crate::output::Reader;
use crate::text::Columns;

use super::row::Row;

/// So many rows are waited for before the columns are made.
const FIRST: usize = 200;

/// A list that is being printed.
#[derive(Debug)]
pub(super) struct Listing {
    format: Format,
    limit: Option<usize>,
    waiting: Vec<Row>,
    columns: Option<Columns<{ Row::COLUMNS }>>,
    printed: usize,
    /// What ended it before its end: nobody reads on, or it cannot be written.
    stopped: Option<Result<(), CliError>>,
}

impl Listing {
    pub(super) const fn new(format: Format, limit: Option<usize>) -> Self {
        Self { format, limit, waiting: Vec::new(), columns: None, printed: 0, stopped: None }
    }

    /// Takes another row. Whether more are wanted.
    pub(super) fn take(&mut self, row: Row) -> bool {
        if !self.is_full() {
            self.waiting.push(row);
        }
        if self.waiting.len() >= FIRST {
            self.print();
        }
        !self.is_full() && self.stopped.is_none()
    }

    /// Prints what still waits.
    pub(super) fn end(mut self) -> Result<(), CliError> {
        self.print();
        let text = match self.format {
            Format::Json if self.printed == 0 => "[]\n",
            Format::Json => "\n]\n",
            Format::Text => "",
        };
        self.write(text);
        self.stopped.unwrap_or(Ok(()))
    }

    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.printed + self.waiting.len() >= limit)
    }

    fn print(&mut self) {
        let rows = std::mem::take(&mut self.waiting);
        let text = match self.format {
            Format::Text => Ok(self.lines(&rows)),
            Format::Json => self.elements(&rows),
        };
        self.printed += rows.len();
        match text {
            Ok(text) => self.write(&text),
            Err(error) => self.stopped = Some(Err(error)),
        }
    }

    fn write(&mut self, text: &str) {
        if self.stopped.is_none() && !text.is_empty() {
            match output::print(text) {
                Ok(Reader::Listening) => {}
                Ok(Reader::Gone) => self.stopped = Some(Ok(())),
                Err(error) => self.stopped = Some(Err(error)),
            }
        }
    }

    fn lines(&mut self, rows: &[Row]) -> String {
        let cells: Vec<_> = rows.iter().map(Row::cells).collect();
        let mut text = String::new();
        let columns = self.columns.get_or_insert_with(|| {
            let columns = Columns::fit(Row::HEADINGS, &cells);
            text.push_str(&columns.head());
            columns
        });
        text.extend(cells.iter().map(|row| columns.line(row)));
        text
    }

    /// An array of which the end is still to come: cut off, it is no JSON.
    fn elements(&self, rows: &[Row]) -> Result<String, CliError> {
        let mut text = String::new();
        for (place, row) in rows.iter().enumerate() {
            text.push_str(if self.printed + place == 0 { "[\n  " } else { ",\n  " });
            let element = serde_json::to_string_pretty(row).map_err(CliError::Serialize)?;
            text.push_str(&element.replace('\n', "\n  "));
        }
        Ok(text)
    }
}
