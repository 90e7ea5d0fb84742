//! SIGKILL in the middle of work: nothing that was acknowledged is lost, and nothing is left half done.

use tests::{Engine, on_both};

use crate::{
    binary::Installation,
    writers::{Acknowledged, count, lost, write},
};

/// Where the server is killed follows from this.
const SEED: u64 = 0x5eed;
const ROUNDS: u64 = 4;

/// A number that follows from the seed and the round (SplitMix64).
fn chance(round: u64) -> u64 {
    let mut z = SEED.wrapping_add(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

on_both! {
    /// Round after round on the same data.
    async fn nothing_acknowledged_is_lost(engine: Engine) {
        let place = Installation::new(engine).await;
        let mut server = place.serve().await;
        let token = server.token();
        let acknowledged = Acknowledged::default();
        for round in 1..=ROUNDS {
            let more = usize::try_from(20 + chance(round) % 150).expect("a small number");
            let enough = count(&acknowledged) + more;
            let writers = write(&server.client(&token), &format!("round{round}"), &acknowledged);
            server.until("nothing is acknowledged", |_| count(&acknowledged) >= enough).await;
            server.kill().await;
            writers.join_all().await;

            server = place.serve().await;
            let told = format!("seed {SEED:#x}, round {round}, killed after {more}");
            assert_eq!(lost(&server.client(&token), &acknowledged).await, [""; 0], "{told}");
            let mut beside = place.database.beside().await;
            if engine == Engine::Sqlite {
                assert_eq!(beside.query("PRAGMA integrity_check").await, ["ok"], "{told}");
            }
            let accounts = beside.query("SELECT name FROM system_accounts").await.len();
            let entries =
                "SELECT type FROM audit_events WHERE body LIKE '%\"action\":\"create\"%system-accounts%'";
            assert_eq!(
                beside.query(entries).await.len(),
                accounts,
                "{told}: an account and its entry in the log"
            );
        }
    }
}
