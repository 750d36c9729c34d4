//! Units of systemd, as their properties say.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Text;

use super::drop_in::DropIn;

/// Makes an enum of the words systemd uses, closed by `Other` for words added later.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
            /// A word this version does not know.
            #[serde(other, rename = "other")]
            Other,
        }

        impl $name {
            /// The word systemd uses.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other => "other",
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

words! {
    /// `LoadState`.
    LoadState {
        /// Its file was read.
        Loaded = "loaded",
        /// It has no file.
        NotFound = "not-found",
        /// Its file is a link to `/dev/null`.
        Masked = "masked",
        /// Its file could not be understood.
        BadSetting = "bad-setting",
        /// Its file could not be read.
        Error = "error",
        /// It is another name of another unit.
        Merged = "merged",
        /// Not loaded yet.
        Stub = "stub",
    }
}

words! {
    /// `ActiveState`.
    ActiveState {
        /// Started.
        Active = "active",
        /// Started, reading its configuration again.
        Reloading = "reloading",
        /// Stopped.
        Inactive = "inactive",
        /// Stopped by a failure.
        Failed = "failed",
        /// Starting; a oneshot service is in this state while it works.
        Activating = "activating",
        /// Stopping.
        Deactivating = "deactivating",
    }
}

words! {
    /// `UnitFileState`.
    UnitFileState {
        /// Enabled.
        Enabled = "enabled",
        /// Enabled until the next boot.
        EnabledRuntime = "enabled-runtime",
        /// Linked into the search path, not enabled.
        Linked = "linked",
        /// Linked until the next boot, not enabled.
        LinkedRuntime = "linked-runtime",
        /// Another name.
        Alias = "alias",
        /// A link to `/dev/null`.
        Masked = "masked",
        /// The same until the next boot.
        MaskedRuntime = "masked-runtime",
        /// Cannot be enabled, for want of an install section.
        Static = "static",
        /// Not enabled.
        Disabled = "disabled",
        /// Enabled through another unit.
        Indirect = "indirect",
        /// Made by a generator.
        Generated = "generated",
        /// Made at run time.
        Transient = "transient",
        /// Not understood.
        Bad = "bad",
    }
}

words! {
    /// `Result` of a timer or service.
    UnitResult {
        /// No failure.
        Success = "success",
        /// The process ended with a non-zero exit status.
        ExitCode = "exit-code",
        /// The process was ended by a signal.
        Signal = "signal",
        /// The process was ended by a signal and dumped core.
        CoreDump = "core-dump",
        /// A time limit of the unit was exceeded.
        Timeout = "timeout",
        /// The watchdog of the unit was not fed.
        Watchdog = "watchdog",
        /// The kernel ended it for want of memory.
        OomKill = "oom-kill",
        /// Something it needs to start was not to be had.
        Resources = "resources",
        /// Started too often.
        StartLimitHit = "start-limit-hit",
        /// The service did not do what its type demands.
        Protocol = "protocol",
        /// A condition of the unit said no.
        ExecCondition = "exec-condition",
    }
}

/// State that all units have. A property an old systemd does not have is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// The unit's name.
    pub unit: Text,
    /// `LoadState`.
    pub load_state: LoadState,
    /// `ActiveState`.
    pub active_state: ActiveState,
    /// `SubState`.
    #[serde(default)]
    pub sub_state: Option<Text>,
    /// `UnitFileState`.
    #[serde(default)]
    pub unit_file_state: Option<UnitFileState>,
    /// `NeedDaemonReload`: the file on disk is newer than what systemd read.
    #[serde(default)]
    pub need_daemon_reload: Option<bool>,
    /// The file the unit was read from, if that still exists. Looked for only where a reload is needed, as one is
    /// when the file is gone.
    #[serde(default)]
    pub fragment: Fact<Text>,
    /// A file of the unit's name where packages put units, which unmasking would bring back.
    #[serde(default)]
    pub vendor_file: Fact<Text>,
    /// The file of the unit that a boot will find. Absent: there is one only below /run, which a boot empties.
    #[serde(default)]
    pub lasting_file: Fact<Text>,
    /// The unit's own name, where the name asked for is an alias of it.
    #[serde(default)]
    pub id: Option<Text>,
    /// The job that waits or works for the unit, as `start`.
    #[serde(default)]
    pub job: Option<Text>,
    /// Drop-ins that change the unit; asked of a service only where something is amiss.
    #[serde(default)]
    pub drop_ins: Vec<DropIn>,
}

impl UnitState {
    /// Whether the unit is masked, by what systemd has loaded or by what lies on disk.
    pub const fn is_masked(&self) -> bool {
        matches!(self.load_state, LoadState::Masked)
            || matches!(self.unit_file_state, Some(UnitFileState::Masked | UnitFileState::MaskedRuntime))
    }

    /// Whether the unit's file is there but could not be understood or read.
    pub const fn is_broken(&self) -> bool {
        matches!(self.load_state, LoadState::BadSetting | LoadState::Error)
    }

    /// Whether `name` is a name of this unit.
    pub fn is_called(&self, name: &Text) -> bool {
        self.unit == *name || self.id.as_ref() == Some(name)
    }

    /// The drop-ins that set, or may set, something that `concerns` tells of.
    pub fn drop_ins_about(&self, concerns: fn(&str) -> bool) -> impl Iterator<Item = &DropIn> {
        self.drop_ins.iter().filter(move |drop_in| drop_in.may_set(concerns))
    }

    /// Whether `systemctl revert` of this unit takes `drop_in` away: it is an administrator's, and this unit's alone.
    pub fn can_revert(&self, drop_in: &DropIn) -> bool {
        let names = [Some(&self.unit), self.id.as_ref()].into_iter().flatten();
        names.into_iter().any(|name| drop_in.is_own_of(name.as_str()))
    }

    /// Whether the unit is loaded but its file is gone, so that it will not outlive a reload or reboot.
    pub const fn has_lost_its_file(&self) -> bool {
        matches!(self.load_state, LoadState::Loaded) && self.fragment.is_absent()
    }
}
