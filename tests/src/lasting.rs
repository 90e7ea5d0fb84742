//! Programs of others that are killed and started again: each start is of the same command, which finds what it has
//! kept.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long nobody answers after it was killed, beside what its start takes.
const DOWN: Duration = Duration::from_millis(400);
/// What a process ends by that was killed.
const SIGKILL: i32 = 9;

/// A program that runs until this goes; killed, it is started again. One that ends in any other way stays away, and
/// whoever asks it next sees that.
pub(crate) struct Lasting {
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    over: bool,
}

impl Lasting {
    /// Starts it; the first line in which it says where it is.
    pub(crate) fn start(mut command: Command) -> (Self, String) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let state = Arc::new(Mutex::new(State::default()));
        let (told, tells) = mpsc::channel();
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || while round(&mut command, &shared, &told) {});
        let line = tells.into_iter().find(|line: &String| line.starts_with("http"));
        (Self { state, thread: Some(thread) }, line.expect("the peer did not start"))
    }
}

/// Starts it and waits for its end; whether it was killed, and is to be started again.
fn round(command: &mut Command, state: &Mutex<State>, told: &mpsc::Sender<String>) -> bool {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let output = {
        let mut state = lock();
        if state.over {
            return false;
        }
        let mut child = command.spawn().expect("the peer starts");
        let output = child.stdout.take().expect("its output");
        state.child = Some(child);
        output
    };
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // Who started it listens to the first words only.
        let _ = told.send(line);
    }
    let mut state = lock();
    let ended = state.child.take().and_then(|mut child| child.wait().ok());
    let again = !state.over && ended.is_some_and(|status| status.signal() == Some(SIGKILL));
    drop(state);
    if again {
        thread::sleep(DOWN);
    }
    again
}

impl Drop for Lasting {
    fn drop(&mut self) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.over = true;
            if let Some(child) = &mut state.child {
                let _ = child.kill();
            }
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
