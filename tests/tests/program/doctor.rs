//! `doctor` finds what is unsound and says what to do.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use tests::{Engine, on_both};

use crate::binary::{Finished, Installation};

/// The names of the checks that fail.
fn failing(finished: &Finished) -> Vec<&str> {
    let failed = finished.stdout.lines().filter_map(|line| line.strip_prefix("FAIL  "));
    failed.map(|line| line.split(':').next().unwrap_or_default()).collect()
}

on_both! {
    /// A sound installation passes; each thing that is not sound is named with its cure.
    async fn what_it_finds(engine: Engine) {
        let place = Installation::new(engine).await;
        let found = place.run(&["doctor"]);
        assert!(failing(&found).contains(&"data directory"), "{}", found.stdout);
        found.bad();
        assert!(!place.data().exists(), "looking makes nothing");
        fs::create_dir(place.data()).expect("there is none");
        place.run(&["doctor"]).bad();
        assert_eq!(fs::read_dir(place.data()).expect("it is there").count(), 0, "looking makes nothing");
        fs::remove_dir(place.data()).expect("it is empty");

        place.run(&["init"]).good();
        let found = place.run(&["doctor"]);
        assert_eq!(failing(&found), [""; 0], "{}", found.stdout);
        let sound = found.good();
        let checks = [
            "data directory",
            "clock",
            "master key file",
            "database",
            "schema",
            "master key",
            "organization",
        ];
        for check in checks {
            assert!(sound.contains(&format!("ok    {check}: ")), "{sound}");
        }
        assert_eq!(sound.lines().count(), checks.len());

        let key = place.data().join("master.key");
        for (path, open, closed, check) in
            [(place.data(), 0o755, 0o700, "data directory"), (key.clone(), 0o640, 0o600, "master key file")]
        {
            fs::set_permissions(&path, Permissions::from_mode(open)).expect("it is ours");
            let found = place.run(&["doctor"]);
            assert_eq!(failing(&found), [check]);
            let cure = format!("is open to others (mode {open:o}): chmod {closed:o} it");
            assert!(found.stdout.contains(&cure), "{}", found.stdout);
            found.bad();
            fs::set_permissions(&path, Permissions::from_mode(closed)).expect("it is ours");
        }

        let right = fs::read_to_string(&key).expect("a key");
        fs::write(&key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n").expect("it is ours");
        let found = place.run(&["doctor"]);
        assert_eq!(failing(&found), ["master key"]);
        assert!(found.stdout.contains("its master key is not configured"), "{}", found.stdout);
        fs::remove_file(&key).expect("it is there");
        let found = place.run(&["doctor"]);
        assert_eq!(failing(&found), ["master key file", "master key"]);
        assert!(!key.exists(), "looking makes no new key");
        fs::write(&key, &right).expect("it is ours");
        fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("it is ours");

        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'from the future', true, '', 0)";
        place.database.query(newer).await;
        let found = place.run(&["doctor"]);
        assert_eq!(failing(&found), ["schema"]);
        assert!(found.stdout.contains("made by a newer Latchkey"), "{}", found.stdout);
        for command in [&["serve"][..], &["migrate"], &["mail", "list"]] {
            let refused = place.run(command).bad();
            assert!(
                refused.contains("run the newer Latchkey that migrated it, or restore a backup"),
                "{refused}"
            );
        }
    }
}
