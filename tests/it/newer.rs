//! What a daemon of a newer version says, with words that this version does not know.

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;

use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

/// A status as this version prints it.
fn status() -> Value {
    let folder = selfcheck_tests::UnpackedImage::accompanied();
    folder.remove("/opt/teleport/default/update.yaml");
    serde_json::from_slice(&folder.look(&["--format", "json"]).stdout).expect("JSON")
}

/// Answers every request on a socket with this.
fn serve(socket: &Path, status: &Value) {
    let listener = UnixListener::bind(socket).expect("socket");
    let body = status.to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
}

#[test]
fn words_of_a_newer_daemon_are_shown_as_other() {
    let mut newer = status();
    assert_eq!(newer["findings"][0]["reason"], "config-missing");
    newer["findings"][0]["reason"] = json!("moon-phase");
    newer["findings"][0]["summary"] = json!("the moon is full");
    newer["summary"] = json!("the moon is full");
    newer["remedy"]["id"] = json!("wait-a-week");
    newer["reporting"]["stock_view"]["updater_status"] = json!("SLEEPING");
    newer["something_new"] = json!({"a": 1});
    let folder = TempDir::new().expect("folder");
    let socket = folder.path().join("daemon.sock");
    serve(&socket, &newer);
    let ask = |format: &str| {
        let socket = socket.to_str().expect("path");
        selfcheck(&["debug", "updater-status", "--live", "--socket", socket, "--format", format], "")
    };
    let output = ask("text");
    let text = shown(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("other (moon-phase)") && text.contains("The moon is full"), "{text}");
    assert!(text.contains("other (SLEEPING)"), "{text}");
    assert_eq!(String::from_utf8_lossy(&ask("label").stdout), "impaired.other\n");
    let printed: Value = serde_json::from_slice(&ask("json").stdout).expect("JSON");
    assert_eq!(printed["findings"][0]["reason"], "moon-phase");
    assert_eq!(printed["remedy"]["id"], "wait-a-week");
    assert_eq!(printed["reporting"]["stock_view"]["updater_status"], "SLEEPING");
}

#[test]
fn a_recording_on_standard_input_is_read_whole_or_refused() {
    let folder = selfcheck_tests::UnpackedImage::accompanied();
    let seen = folder.root().join("seen.json");
    folder.look(&["--save-observation", seen.to_str().expect("path")]);
    let recorded = std::fs::read_to_string(seen).expect("saved");
    let judge = |text: &str| selfcheck(&["debug", "updater-status", "--observation", "-"], text);
    assert_eq!(judge(&recorded).status.code(), Some(0));
    let most = 4 << 20;
    let padded = |length: usize| format!("{recorded}{}", " ".repeat(length - recorded.len()));
    assert_eq!(judge(&padded(most)).status.code(), Some(0));
    let output = judge(&padded(most + 1));
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: standard input is longer than 4194304 bytes"), "{said}");
}
