//! The text of a unit file.

/// One setting of a unit file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// The settings of a unit file, in order. What is no setting is passed over, as systemd does.
pub(super) fn settings(text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            whole.push(' ');
            whole.push_str(lines.next().unwrap_or_default());
        }
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = whole.split_once('=') {
            settings.push(Setting {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
            });
        }
    }
    settings
}

/// The words of what `ExecStart=` starts first. An empty one takes back those before it.
pub(super) fn exec_start(settings: &[Setting]) -> Option<Vec<String>> {
    let lines = settings.iter().filter(|setting| setting.section == "Service" && setting.key == "ExecStart");
    let mut commands: Vec<&str> = Vec::new();
    for line in lines {
        if line.value.is_empty() {
            commands.clear();
        } else {
            commands.push(&line.value);
        }
    }
    let command = commands.first()?.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    Some(command.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_comments_and_continued_lines() {
        let settings = settings(
            "# made up\n[Unit]\nDescription=An = sign\nno setting\n[Service]\n; more\nExecStart=-/bin/a \\\n  --insecure\n\
             [Install]\nWantedBy = teleport.service\n",
        );
        let flat: Vec<_> =
            settings.iter().map(|s| (s.section.as_str(), s.key.as_str(), s.value.as_str())).collect();
        assert_eq!(flat[0], ("Unit", "Description", "An = sign"));
        assert_eq!(flat[2], ("Install", "WantedBy", "teleport.service"));
        assert_eq!(exec_start(&settings), Some(vec!["/bin/a".to_owned(), "--insecure".to_owned()]));
    }

    #[test]
    fn an_empty_line_takes_back_what_was_started() {
        let of = |text: &str| exec_start(&settings(text));
        assert_eq!(of("[Service]\nExecStart=/a\nExecStart=\nExecStart=/b x\n").expect("command")[0], "/b");
        assert_eq!(of("[Service]\nExecStart=/a\nExecStart=\n"), None);
        assert_eq!(of("[Timer]\nExecStart=/a\n"), None);
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_no_trouble() {
        assert_eq!(settings("[Service]\nExecStart=/a \\")[0].value, "/a");
        assert!(settings("[").is_empty());
    }
}
