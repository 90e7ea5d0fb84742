//! What Linux tells about processes and cores, read from `/proc`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::fault::{Fault, Result, While};
use crate::process::{capture, on_path};

/// Linux counts CPU time in hundredths of a second for programs, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);

/// One core for the server (and its database), one for the load: neither steals from the other.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub server: u32,
    pub load: u32,
}

impl Cores {
    /// `None` where there is one core only, or no `taskset`.
    pub fn choose() -> Result<Option<Self>> {
        let status = read("/proc/self/status")?;
        let allowed = field(&status, "Cpus_allowed_list").map(cores_in).unwrap_or_default();
        if on_path("taskset").is_none() {
            return Ok(None);
        }
        Ok(match allowed[..] {
            [server, load, ..] => Some(Self { server, load }),
            _ => None,
        })
    }

    /// What goes in front of a command to keep it on the server's core.
    pub fn server_prefix(cores: Option<Self>) -> Vec<String> {
        match cores {
            Some(Self { server, .. }) => vec!["taskset".into(), "-c".into(), server.to_string()],
            None => Vec::new(),
        }
    }

    /// Moves the calling thread to the load's core.
    pub fn pin_load(self) -> Result<()> {
        let link = std::fs::read_link("/proc/thread-self").during("Cannot read /proc/thread-self")?;
        let thread = link.file_name().unwrap_or_default();
        capture(Command::new("taskset").args(["-p", "-c", &self.load.to_string()]).arg(thread)).map(drop)
    }
}

/// The model of the processor, for the reader of a table.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    field(&info, "model name").unwrap_or("unknown processor").to_owned()
}

/// Memory that is the process's own: neither its program file nor mapped database pages.
pub fn anonymous_memory(pid: u32) -> Result<u64> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kibibytes =
        field(&status, "RssAnon").and_then(|value| value.strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kibibytes.map(|n| n * 1024).ok_or_else(|| Fault::new(format!("/proc/{pid}/status tells no RssAnon.")))
}

/// CPU time of a process and of all that it started, and of those that are gone already.
pub fn cpu_of_family(pid: u32) -> Result<Duration> {
    let mut ticks = parse_stat(&read(&format!("/proc/{pid}/stat"))?)?.ticks_with_dead_children;
    for entry in Path::new("/proc").read_dir().during("Cannot read /proc")?.flatten() {
        // Processes come and go while we look.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Ok(stat) = parse_stat(&stat)
            && stat.parent == pid
        {
            ticks += stat.ticks;
        }
    }
    Ok(TICK * ticks)
}

pub fn cpu_of(pid: u32) -> Result<Duration> {
    Ok(TICK * parse_stat(&read(&format!("/proc/{pid}/stat"))?)?.ticks)
}

/// Time that all cores together were not idle.
pub fn cpu_of_machine() -> Result<Duration> {
    let stat = read("/proc/stat")?;
    busy_ticks(&stat)
        .map(|ticks| TICK * ticks)
        .ok_or_else(|| Fault::new("/proc/stat does not begin with `cpu`."))
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).during(format!("Cannot read {path} (benchmarks need Linux)"))
}

/// The value of the first `name: value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// `0-2,5` is 0, 1, 2, 5.
fn cores_in(list: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

struct Stat {
    parent: u32,
    ticks: u32,
    ticks_with_dead_children: u32,
}

/// A process's name stands in brackets and may itself hold brackets and spaces: count from the last one.
fn parse_stat(text: &str) -> Result<Stat> {
    let parse = || {
        let mut words = text.rsplit_once(')')?.1.split_whitespace();
        let parent = words.nth(1)?.parse().ok()?;
        // Fields 14 to 17: own user and system time, then those of children that were waited for.
        let times: Vec<u32> = words.skip(9).take(4).filter_map(|word| word.parse().ok()).collect();
        let [user, system, dead_user, dead_system] = times[..] else { return None };
        let ticks = user + system;
        Some(Stat { parent, ticks, ticks_with_dead_children: ticks + dead_user + dead_system })
    };
    parse().ok_or_else(|| Fault::new("A stat file in /proc looks different from what Linux documents."))
}

fn busy_ticks(stat: &str) -> Option<u32> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what follows is contained in user and nice.
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = ticks.get(..8)?.try_into().ok()?;
    u32::try_from(user + nice + system + irq + softirq + steal).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores() {
        assert_eq!(cores_in("0-1"), [0, 1]);
        assert_eq!(cores_in("3"), [3]);
        assert_eq!(cores_in("0-2,5,8-9"), [0, 1, 2, 5, 8, 9]);
        assert_eq!(cores_in(""), [0; 0]);
    }

    #[test]
    fn fields_of_status() {
        let text = "Name:\tlatchkey\nVmRSS:\t   20000 kB\nRssAnon:\t    5120 kB\n";
        assert_eq!(field(text, "RssAnon"), Some("5120 kB"));
        assert_eq!(field(text, "Rss"), None);
    }

    #[test]
    fn a_stat_line_with_a_nasty_name() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 30 12 5 3 20 0 9 0 100 0 0";
        let stat = parse_stat(text).expect("it is well-formed");
        assert_eq!((stat.parent, stat.ticks, stat.ticks_with_dead_children), (7, 42, 50));
        assert!(parse_stat("42 (a) S 7").is_err());
    }

    #[test]
    fn busy_is_all_but_idle_and_waiting() {
        assert_eq!(busy_ticks("cpu  100 1 20 9999 50 3 4 5 77 0\ncpu0 1 2 3\n"), Some(133));
        assert_eq!(busy_ticks("intr 1"), None);
    }

    #[test]
    fn our_own_process_can_be_read() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let pid = std::process::id();
        assert!(anonymous_memory(pid).expect("it is there") > 0);
        assert!(cpu_of_family(pid).expect("it is there") <= cpu_of_machine().expect("it is there"));
    }
}
