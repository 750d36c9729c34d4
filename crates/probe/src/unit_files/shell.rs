//! What the text of `sh -c` runs.

use crate::files::Tree;

use super::program::Seen;
use super::program::name_of;
use super::program::see_through as see_through_words;
use super::wrappers;

/// Words that come before a command.
const BEFORE_A_COMMAND: [&str; 14] =
    ["!", "command", "do", "elif", "else", "exec", "if", "nohup", "then", "time", "until", "while", "{", "("];
/// Words that are no command.
const NO_COMMAND: [&str; 14] = [
    "fi", "done", "}", ")", "esac", "set", "cd", "umask", "export", "ulimit", "trap", "wait", "exit",
    "return",
];

pub(super) fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "ash" | "bash" | "dash" | "ksh" | "mksh" | "zsh")
}

/// What a shell with these arguments runs.
pub(super) fn see_through(
    tree: &Tree,
    program: &str,
    arguments: &[&str],
    wanted: &str,
    depth: usize,
) -> Seen {
    let mut words = arguments.iter();
    let mut takes_text = false;
    while let Some(word) = words.next() {
        match *word {
            "--rcfile" | "--init-file" => drop(words.next()),
            word if word.starts_with("--") => {}
            word if word.starts_with(['-', '+']) && word.len() > 1 => {
                takes_text |= word.contains('c');
                if word.contains('o') {
                    words.next(); // the name of an option
                }
            }
            text if takes_text => return self::text(tree, program, text, wanted, depth),
            script => return Seen::Opaque(script.to_owned()),
        }
    }
    Seen::Opaque(program.to_owned()) // it reads commands from its input
}

/// What a shell runs that is given this text.
pub(super) fn text(tree: &Tree, program: &str, text: &str, wanted: &str, depth: usize) -> Seen {
    let commands = commands(text);
    let mut opaque = text.contains(['`']) || text.contains("$(");
    let mut found = None;
    for (index, command) in commands.iter().enumerate() {
        let words = command.words();
        let Some(first) = words.first() else { continue };
        if first.contains('$') {
            opaque = true;
            continue;
        }
        match see_through_words(tree, &words, wanted, depth) {
            Seen::Wanted { path, hides_status } => {
                // What comes behind it, and what is done if it fails, decides how the shell ends.
                let is_last = index + 1 == commands.len();
                let hides = hides_status || !is_last || command.is_negated() || command.is_in_background();
                found = Some(Seen::Wanted { path, hides_status: hides });
            }
            Seen::Opaque(_) => opaque = true,
            Seen::Other(_) => {}
        }
    }
    match found {
        Some(found) => found,
        None if opaque => Seen::Opaque(program.to_owned()),
        None => Seen::Other(program.to_owned()),
    }
}

/// One command of a shell's text.
#[derive(Debug, Default)]
struct Simple {
    words: Vec<String>,
    /// What ends it: `;`, `&`, `&&`, `|`, `||`, a new line, or nothing.
    end: String,
}

impl Simple {
    /// The words without what comes before a command.
    fn words(&self) -> Vec<&str> {
        let is_before = |word: &&str| BEFORE_A_COMMAND.contains(word) || wrappers::is_assignment(word);
        let words: Vec<_> = self.words.iter().map(String::as_str).skip_while(is_before).collect();
        if words.first().is_some_and(|word| NO_COMMAND.contains(word) || name_of(word).is_empty()) {
            return Vec::new();
        }
        words
    }

    fn is_negated(&self) -> bool {
        self.words.iter().any(|word| word == "!")
    }

    fn is_in_background(&self) -> bool {
        self.end == "&"
    }
}

/// Splits a shell's text into commands, with quotes, as far as that matters here.
fn commands(text: &str) -> Vec<Simple> {
    let mut commands = vec![Simple::default()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let last = commands.len() - 1;
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => commands[last].words.extend(word.take()),
            // A redirection, as `2>&1`, ends no command.
            (None, '&') if word.as_ref().is_some_and(|word| word.ends_with(['>', '<'])) => {
                word.get_or_insert_default().push(character);
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                commands[last].words.extend(word.take());
                commands[last].end.push(character);
                while let Some(more) = characters.next_if(|next| matches!(next, ';' | '&' | '|' | '\n')) {
                    commands[last].end.push(more);
                }
                commands.push(Simple::default());
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    let last = commands.len() - 1;
    commands[last].words.extend(word);
    commands.retain(|command| !command.words.is_empty());
    commands
}
