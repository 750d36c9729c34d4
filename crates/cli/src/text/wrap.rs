//! Lines of at most 80 columns.

use unicode_width::UnicodeWidthChar;

/// The most columns of a line.
pub(super) const COLUMNS: usize = 80;

/// `text` in lines that start with `indent`, the first one with `first` instead.
pub(crate) fn wrap(first: &str, indent: &str, text: &str) -> String {
    fill(first, indent, text.split_whitespace(), "")
}

/// A command in lines that a shell joins again.
pub(super) fn command(first: &str, indent: &str, shell: &str) -> String {
    fill(first, indent, words(shell).into_iter(), " \\")
}

/// Joins `words` by blanks, and breaks before a word that would go over the edge. `mark` ends a broken line.
fn fill<'a>(first: &str, indent: &str, words: impl Iterator<Item = &'a str>, mark: &str) -> String {
    let mut done = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words {
        // A path or a command that is longer than what is left of the line stands whole on its own.
        let has_no_room = columns(&line) + columns(word) > COLUMNS && !line.trim().is_empty();
        if empty && mark.is_empty() && has_no_room {
            done.push_str(line.trim_end());
            done.push('\n');
            indent.clone_into(&mut line);
        }
        if !empty && columns(&line) + 1 + columns(word) + mark.len() > COLUMNS {
            done.push_str(&line);
            done.push_str(mark);
            done.push('\n');
            indent.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    done.push_str(&line);
    done.push('\n');
    done
}

/// The words of a shell line, a quoted one in one piece.
fn words(shell: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    for (at, character) in shell.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&shell[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&shell[start..]);
    words
}

/// How many columns a text takes, escape sequences of colour aside.
pub(super) fn columns(text: &str) -> usize {
    let mut escaped = false;
    let is_shown = |character: &char| {
        let is_end = escaped && *character == 'm';
        let is_hidden = escaped || *character == '\u{1b}';
        escaped = is_hidden && !is_end;
        !is_hidden
    };
    text.chars().filter(is_shown).filter_map(UnicodeWidthChar::width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_lines_before_the_edge() {
        let text = wrap("  - ", "    ", &"word ".repeat(60));
        assert!(text.lines().count() > 3);
        assert!(text.lines().all(|line| columns(line) <= COLUMNS));
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word")));
    }

    #[test]
    fn what_is_too_long_stands_whole_on_its_own_line() {
        let path = format!("/{}", "x".repeat(90));
        assert_eq!(wrap("    path: ", "      ", &path), format!("    path:\n      {path}\n"));
        let text = wrap("  It ", "  ", &format!("changes {path} for good."));
        assert_eq!(text, format!("  It changes\n  {path}\n  for good.\n"));
        assert_eq!(wrap("    ", "    ", &path), format!("    {path}\n"));
    }

    #[test]
    fn a_broken_command_can_still_be_pasted() {
        let shell = format!("sudo mv '{}' b && {}", "a b".repeat(10), "x ".repeat(40).trim());
        let text = command("", "  ", &shell);
        assert!(text.lines().count() > 1);
        let joined = text.replace(" \\\n  ", " ");
        assert_eq!(joined.trim_end(), shell);
    }

    #[test]
    fn colour_takes_no_columns_and_wide_characters_two() {
        assert_eq!(columns("\u{1b}[1;31mmm\u{1b}[0m"), 2);
        assert_eq!((columns("段階"), columns("e\u{301}")), (4, 1));
    }
}
