//! Steps as one line for a shell.

use super::Step;

/// Joins `steps` into one line. A step fed by the one before it is piped, any other follows by `&&`.
pub(super) fn line(steps: &[Step], root: bool) -> String {
    let mut line = String::new();
    for (index, step) in steps.iter().enumerate() {
        match (index, step.stdin_from) {
            (0, _) => {}
            (_, Some(_)) => line.push_str(" | "),
            (_, None) => line.push_str(" && "),
        }
        // What only fetches text for a pipe needs no root.
        let feeds_next = steps.get(index + 1).is_some_and(|next| next.stdin_from == Some(index));
        if root && !feeds_next {
            line.push_str("sudo ");
        }
        let words: Vec<_> = step.argv.iter().map(|word| shell_word(word)).collect();
        line.push_str(&words.join(" "));
    }
    line
}

/// `word` as a POSIX shell reads it back unchanged.
pub fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_read() {
        assert_eq!(shell_word("teleport-update.timer"), "teleport-update.timer");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("$(id)"), "'$(id)'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn pipes_need_root_only_at_their_end() {
        let step = |argv: &[&str], stdin_from| Step {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            stdin_from,
        };
        let steps = [step(&["curl", "-fsSL", "https://a"], None), step(&["bash"], Some(0))];
        assert_eq!(line(&steps, true), "curl -fsSL https://a | sudo bash");
        let steps = [step(&["a"], None), step(&["b"], None)];
        assert_eq!(line(&steps, true), "sudo a && sudo b");
    }
}
