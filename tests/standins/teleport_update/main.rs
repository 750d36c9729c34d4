//! Stands in for `teleport-update`: the same files, units and exit codes, no download.
//!
//! See README.md beside it for the facts it copies.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

mod proxy;
mod state;
mod units;

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use state::State;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    suffix: Option<String>,
    proxy: Option<String>,
    group: Option<String>,
    base_url: Option<String>,
    force_version: Option<String>,
    overwrite: bool,
    command: String,
}

/// The places of one installation.
#[derive(Debug)]
struct Installation {
    suffix: Option<String>,
    base: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ERROR: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let arguments = parse(std::env::args().skip(1))?;
    let installation = Installation::of(arguments.suffix.clone());
    std::fs::create_dir_all(&installation.base)?;
    let lock = File::create(installation.base.join("update.lock"))?;
    lock.lock()?;
    let file = installation.base.join("update.yaml");
    let mut state = State::read(&file)?;
    match arguments.command.as_str() {
        "enable" => enable(&installation, &arguments, &mut state)?,
        "disable" => state.enabled = false,
        "pin" => state.pinned = true,
        "unpin" => state.pinned = false,
        "update" => {
            update(&installation, &mut state, &file)?;
            leave_a_mark()?;
        }
        other => return Err(format!("unknown command {other}").into()),
    }
    state.write(&file)
}

fn parse(words: impl Iterator<Item = String>) -> Outcome<Arguments> {
    let mut arguments = Arguments::default();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value = || value.clone().or_else(|| words.next()).ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--install-suffix" | "-i" => arguments.suffix = Some(value()?),
            "--proxy" | "-p" => arguments.proxy = Some(value()?),
            "--group" | "-g" => arguments.group = Some(value()?),
            "--base-url" | "-b" => arguments.base_url = Some(value()?),
            "--force-version" | "-f" => arguments.force_version = Some(value()?),
            "--install-dir" | "--path" | "--log-format" => drop(value()?),
            "--overwrite" | "-o" => arguments.overwrite = true,
            "--now" | "--insecure" | "-d" | "--self-setup" => {}
            flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}").into()),
            command => command.clone_into(&mut arguments.command),
        }
    }
    Ok(arguments)
}

/// Enables at once, re-creates the units whatever they were, and forgets what was skipped.
fn enable(installation: &Installation, arguments: &Arguments, state: &mut State) -> Outcome {
    if let Some(proxy) =
        arguments.proxy.clone().or(state.proxy.take()).or_else(|| installation.agents_proxy())
    {
        state.proxy = Some(proxy);
    }
    if arguments.group.is_some() {
        state.group.clone_from(&arguments.group);
    }
    match arguments.base_url.as_deref() {
        None => {}
        Some("default") => state.base_url = None,
        Some(url) => state.base_url = Some(url.to_owned()),
    }
    state.check()?;
    // The proxy is asked first, and whatever fails before the version is in place leaves no update.yaml.
    let wanted = proxy::version(state.proxy.as_deref().ok_or("no proxy address was given")?)?;
    let target = arguments.force_version.clone().unwrap_or(wanted);
    let changed = state.active.as_deref() != Some(target.as_str());
    installation.place(&target, arguments.overwrite)?;
    state.updated(&target);
    state.enabled = true;
    state.skip = None;
    units::set_up(installation, &target)?;
    if changed {
        units::reload_agent(installation)?;
    }
    println!("Teleport {target} is enabled");
    Ok(())
}

/// Does nothing, with success, where it is told not to; else brings the target version.
fn update(installation: &Installation, state: &mut State, file: &Path) -> Outcome {
    state.check()?;
    if !state.enabled {
        println!("updates are disabled");
        return Ok(());
    }
    let target = proxy::version(state.proxy.as_deref().ok_or("no proxy address is configured")?)?;
    // A pinned updater asks all the same, so that its run fails while the proxy is away.
    if state.pinned {
        println!("the version is pinned");
        return Ok(());
    }
    if state.skip.as_deref() == Some(target.as_str()) {
        println!("{target} is skipped");
        return Ok(());
    }
    if state.active.as_deref() == Some(target.as_str()) {
        println!("{target} is up to date");
        return Ok(());
    }
    let broken = |why: &str| Path::new("/run").join(format!("standin-{why}-{target}")).exists();
    if broken("unavailable") || broken("unhealthy") {
        state.failed(&target);
        if broken("unhealthy") {
            state.skip = Some(target.clone());
        }
        state.write(file)?;
        return Err(format!("the update to {target} failed").into());
    }
    installation.place(&target, false)?;
    state.updated(&target);
    units::reload_agent(installation)?;
    println!("updated to {target}");
    Ok(())
}

/// By which a test knows that the updater really ran, and to a good end.
fn leave_a_mark() -> Outcome {
    let mut marks = File::options().create(true).append(true).open("/run/standin-runs")?;
    marks.write_all(b"ran\n")?;
    Ok(())
}

impl Installation {
    fn of(suffix: Option<String>) -> Self {
        let suffix = suffix.filter(|suffix| suffix != "default");
        let base = Path::new("/opt/teleport").join(suffix.as_deref().unwrap_or("default"));
        Self { suffix, base }
    }

    /// `stem`, `stem_SUFFIX`, with `end` behind.
    fn named(&self, stem: &str, end: &str) -> String {
        match &self.suffix {
            None => format!("{stem}{end}"),
            Some(suffix) => format!("{stem}_{suffix}{end}"),
        }
    }

    fn links(&self) -> PathBuf {
        if self.suffix.is_some() { self.base.join("bin") } else { PathBuf::from("/usr/local/bin") }
    }

    /// The proxy in the agent's own configuration.
    fn agents_proxy(&self) -> Option<String> {
        let config = std::fs::read_to_string(self.named("/etc/teleport", ".yaml")).ok()?;
        let line = config.lines().find_map(|line| line.trim().strip_prefix("proxy_server:"))?;
        let address = line.trim().trim_matches('"');
        // An address without a port is written out with one.
        Some(if address.contains(':') { address.to_owned() } else { format!("{address}:3080") })
    }

    /// Puts the programs of `version` in their folder and links them. A file that is no link is in the way.
    fn place(&self, version: &str, overwrite: bool) -> Outcome {
        let own = std::fs::canonicalize(std::env::current_exe()?)?;
        let source = own.parent().ok_or("no folder")?;
        let folder = self.base.join("versions").join(version).join("bin");
        std::fs::create_dir_all(&folder)?;
        std::fs::create_dir_all(self.links())?;
        for program in ["teleport", "teleport-update"] {
            let (from, to) = (source.join(program), folder.join(program));
            if from != to {
                std::fs::copy(from, folder.join(format!("{program}.new")))?;
                std::fs::rename(folder.join(format!("{program}.new")), &to)?;
            }
            let link = self.links().join(program);
            if !overwrite && link.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                return Err(format!("{}: file present", link.display()).into());
            }
            let fresh = self.links().join(format!("{program}.new"));
            std::os::unix::fs::symlink(&to, &fresh)?;
            std::fs::rename(&fresh, &link)?;
        }
        Ok(())
    }
}
