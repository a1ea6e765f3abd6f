//! `sluice demo` without a terminal: it ends by itself, with a proof.

use std::process::Command;

#[test]
fn the_demo_proves_itself() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("shop");
    let demo = || {
        Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args(["demo", "--orders", "3000", "--seconds", "8", "--rate", "100", "--listen", "127.0.0.1:0", "--dir"])
            .arg(&lake)
            .output()
            .unwrap()
    };
    let output = demo();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{errors}");
    for expected in ["\n0 differences\n", "0 lost, 0 doubled", "moved from", "from INSERT to gold"] {
        assert!(text.contains(expected), "{expected:?} is missing in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no terminal, no control characters:\n{text}");

    // The folder is kept, and not used twice.
    assert!(lake.join("catalog.sqlite").exists());
    let again = demo();
    assert!(!again.status.success());
    let refusal = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(refusal.contains("holds a lake already") && refusal.contains("sluice up --dir"), "{refusal}");
}
