//! A table in a scenario: the scenario once for each row, with the row's cells in place of `{name}`.

use super::super::SyntaxError;
use super::super::text::Cursor;

/// `each | code | ...`, and a row for each variant, which its first cell names.
#[derive(Debug, Default)]
pub(super) struct Table<'t> {
    names: Vec<&'t str>,
    rows: Vec<Vec<&'t str>>,
}

type Line<'t> = (usize, &'t str);

impl<'t> Table<'t> {
    /// Splits the table, if there is one, from the other lines.
    pub(super) fn read(lines: &[Line<'t>]) -> Result<(Self, Vec<Line<'t>>), SyntaxError> {
        let (mut table, mut rest) = (Self::default(), Vec::new());
        for (line, text) in lines {
            if let Some(cells) = text.strip_prefix("each") {
                table.names = split(cells);
            } else if text.starts_with('|') {
                let row = split(text);
                if row.len() != table.names.len() {
                    let (has, needs) = (row.len(), table.names.len());
                    return Cursor::new(text, *line)
                        .fail(format!("a row of {has} cells, where {needs} are named"));
                }
                table.rows.push(row);
            } else {
                rest.push((*line, *text));
            }
        }
        Ok((table, rest))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn name(&self, row: usize) -> &str {
        self.rows[row][0]
    }

    /// This line, for this row.
    pub(super) fn apply(&self, row: usize, text: &str) -> String {
        let cells = self.names.iter().zip(self.rows.get(row).into_iter().flatten());
        cells.fold(text.to_owned(), |text, (name, cell)| text.replace(&format!("{{{name}}}"), cell))
    }
}

/// The cells behind each `|`.
fn split(text: &str) -> Vec<&str> {
    text.split('|').skip(1).map(str::trim_ascii).collect()
}
