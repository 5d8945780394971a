//! What tables have in common: those without lines, for a terminal, and those in markdown.

use comfy_table::{CellAlignment, Table, presets};

/// A table of columns that are set apart by spaces alone.
pub(crate) fn plain(header: impl IntoIterator<Item = impl Into<comfy_table::Cell>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<comfy_table::Cell>>());
    table
}

/// Puts the cells of these columns to the right, as numbers are read.
pub(crate) fn align_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(cells) = table.column_mut(column) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The line below a header in markdown: for each column whether it has words, which begin at the left.
pub(super) fn markdown_marks(are_words: impl IntoIterator<Item = bool>) -> String {
    let mark = |is_words| if is_words { "---|" } else { "---:|" };
    "|".to_owned() + &are_words.into_iter().map(mark).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_left_and_numbers_right() {
        let mut table = plain(["name", "rows"]);
        table.add_row(["a", "1"]);
        align_right(&mut table, [1, 7]);
        assert_eq!(table.trim_fmt(), " name  rows\n a        1");
        assert_eq!(markdown_marks([true, false]), "|---|---:|");
    }
}
