//! The command line of an agent, as the product's parser (kingpin) takes it apart.

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::observation::AgentCommand;
use selfcheck_core::observation::CommandLine;
use selfcheck_core::observation::Executable;

use crate::configuration::Named;

use super::PROGRAM;

/// The first words of the commands that start agents.
const COMMANDS: [&str; 3] = ["app", "db", "start"];
/// Long flags that take no value; none with `no-` before it does either.
const SWITCHES: [&str; 9] = [
    "debug",
    "fips",
    "help",
    "help-long",
    "help-man",
    "insecure",
    "insecure-no-tls",
    "permit-user-env",
    "skip-version-check",
];
/// Short flags that take a value: the rest of their word, or the next word.
const SHORT_WITH_VALUE: [char; 3] = ['c', 'l', 'r'];
/// The most roles that are kept.
const MOST_ROLES: usize = 16;

/// What the words of a command line say. Of a flag that is given twice the last one counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments<'a> {
    command: Option<AgentCommand>,
    pub(crate) config: Option<&'a str>,
    pub(crate) config_string: Option<&'a str>,
    roles: Option<&'a str>,
    auth_server: bool,
}

impl<'a> Arguments<'a> {
    /// What the words of a process say that executes this. Those of another program than Teleport say nothing; where the
    /// program may not be seen, its own name for itself counts.
    pub(crate) fn of_process(words: &'a [String], executable: &Fact<Executable>) -> Self {
        let is_teleport = match executable.present() {
            Some(executable) => executable.path.as_str().ends_with("/teleport"),
            None => words.first().and_then(|word| word.rsplit('/').next()) == Some(PROGRAM),
        };
        if is_teleport { Self::after(words.get(1..).unwrap_or_default()) } else { Self::default() }
    }

    /// What the words of a unit's line say, of which one is the program; those before it belong to what starts it.
    pub(crate) fn of_line<W: AsRef<str>>(words: &'a [W]) -> Self {
        let is_path = |word: &W| word.as_ref().ends_with("/teleport");
        let program = words.iter().position(is_path).or_else(|| {
            let is_name = |pair: &[W]| pair[0].as_ref() == PROGRAM && COMMANDS.contains(&pair[1].as_ref());
            words.windows(2).position(is_name)
        });
        program.map_or_else(Self::default, |program| Self::after(&words[program + 1..]))
    }

    /// What the words after the program say.
    fn after<W: AsRef<str>>(words: &'a [W]) -> Self {
        let mut found = Self::default();
        let mut named = Vec::new();
        let mut rest = words.iter().map(AsRef::as_ref).peekable();
        while let Some(word) = rest.next() {
            if word == "--" {
                named.extend(rest.by_ref());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                // No value of its own begins with a dash, so an unknown switch takes no flag behind it.
                let may_follow = |next: &&str| !is_switch(name) && !next.starts_with('-');
                let value = value.or_else(|| rest.next_if(may_follow));
                found.set(name, value);
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                found.set_short(letters, &mut rest);
            } else {
                named.push(word);
            }
        }
        found.command = match named.as_slice() {
            ["start", ..] => Some(AgentCommand::Start),
            ["app", "start", ..] => Some(AgentCommand::AppStart),
            ["db", "start", ..] => Some(AgentCommand::DbStart),
            _ => None,
        };
        found
    }

    fn set(&mut self, flag: &str, value: Option<&'a str>) {
        match flag {
            "config" => self.config = value,
            "config-string" => self.config_string = value.filter(|value| !value.is_empty()),
            "roles" => self.roles = value.filter(|value| !value.is_empty()),
            "auth-server" => self.auth_server = true,
            _ => {}
        }
    }

    /// Several switches may share a word, of which the last flag may take the rest as its value.
    fn set_short(&mut self, letters: &'a str, rest: &mut dyn Iterator<Item = &'a str>) {
        for (at, letter) in letters.char_indices() {
            if !SHORT_WITH_VALUE.contains(&letter) {
                continue;
            }
            let attached = &letters[at + letter.len_utf8()..];
            let value = if attached.is_empty() { rest.next() } else { Some(attached) };
            match letter {
                'c' => self.set("config", value),
                'r' => self.set("roles", value),
                _ => {}
            }
            return;
        }
    }

    /// What it names as configuration, where the environment holds `encoded` for that. Absent: nothing.
    pub(crate) fn config_of(&self, encoded: Option<&str>) -> Fact<Named> {
        match (self.config_string, encoded, self.config) {
            (Some(encoded), ..) => Fact::Present(Named::CommandLine(encoded.to_owned())),
            (None, Some(encoded), _) => Fact::Present(Named::Environment(encoded.to_owned())),
            (None, None, Some(path)) => Fact::Present(Named::File(path.into())),
            (None, None, None) => Fact::Absent,
        }
    }

    /// What of it is kept. It may also hold a join token.
    pub(crate) fn kept(&self) -> CommandLine {
        let split =
            |roles: &str| roles.split(',').take(MOST_ROLES).map(|role| Text::new(role.trim())).collect();
        CommandLine {
            command: self.command,
            config: self.config.map(Text::new),
            config_string: self.config_string.is_some(),
            roles: match self.command {
                Some(AgentCommand::AppStart) => Some(vec!["app".into()]),
                Some(AgentCommand::DbStart) => Some(vec!["db".into()]),
                Some(AgentCommand::Start) | None => self.roles.map(split),
            },
            auth_server: self.auth_server,
        }
    }
}

fn is_switch(flag: &str) -> bool {
    SWITCHES.contains(&flag) || flag.starts_with("no-")
}
