//! Every operation as every kind of caller, against `authorization/table.txt`.

use std::collections::BTreeMap;

use tests::{Answer, Engine, Resolver, TestApp, on_both};

use crate::{
    callers::{self, Caller},
    operations::{self, Operation},
    requests::{Maker, Subject},
};

const TABLE: &str = include_str!("../../authorization/table.txt");

/// What the table says of each operation, by caller.
struct Table {
    letters: Vec<char>,
    rows: BTreeMap<String, Vec<char>>,
}

impl Table {
    /// Reads it: a heading that names the columns, then a line per operation. The groups of a line are as
    /// wide as those of the heading, so that a sign cannot slip from one to the next.
    fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let heading: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().skip(1).collect();
        let widths = |groups: &[&str]| groups.iter().map(|group| group.len()).collect::<Vec<_>>();
        let mut rows = BTreeMap::new();
        for line in lines {
            let mut groups = line.split_whitespace();
            let id = groups.next().unwrap_or_default();
            let groups: Vec<&str> = groups.collect();
            if widths(&groups) != widths(&heading) {
                return Err(format!("the columns of [{id}] are not those of the heading"));
            }
            let cells: Vec<char> = groups.concat().chars().collect();
            if let Some(strange) = cells.iter().find(|cell| !"+.013492".contains(**cell)) {
                return Err(format!("[{id}] has the sign [{strange}]"));
            }
            if rows.insert(id.to_owned(), cells).is_some() {
                return Err(format!("[{id}] has two lines"));
            }
        }
        Ok(Self { letters: heading.concat().chars().collect(), rows })
    }
}

/// What came back, as the table writes it.
fn outcome(answer: &Result<Answer, String>, operation: &Operation) -> char {
    match answer.as_ref().map(|answer| answer.status.as_u16()) {
        Ok(status) if status == operation.success => '+',
        Ok(400) => '0',
        Ok(401) => '1',
        Ok(403) => '3',
        Ok(404) => '4',
        Ok(409) => '9',
        Ok(422) => '2',
        _ => '?',
    }
}

/// The sign in words.
fn meaning(cell: char, operation: &Operation) -> String {
    match cell {
        '+' => operation.success.to_string(),
        '.' => "no such case".to_owned(),
        '2' => "422".to_owned(),
        digit => format!("40{digit}"),
    }
}

/// What comes of an operation called by everybody in turn, where it is not as expected.
async fn judge(maker: &Maker<'_>, operation: &Operation, row: &[char], callers: &[Caller]) -> Vec<String> {
    let mut mismatches = Vec::new();
    // What is made for anyone serves until somebody has changed or deleted it.
    let first = maker.request(operation, Subject::Anyone).await;
    let shape = first.clone();
    let mut kept = Some(first);
    for (caller, expected) in callers.iter().zip(row) {
        let mut mismatch = |got: String| {
            let (id, Caller { letter, what, .. }) = (&operation.id, caller);
            let expected = meaning(*expected, operation);
            mismatches.push(format!("{id}  {letter} ({what}): expected {expected}, got {got}"));
        };
        if !shape.names(caller.subject) || *expected == '.' {
            if shape.names(caller.subject) {
                mismatch("a request that can name the caller".to_owned());
            } else if *expected != '.' {
                mismatch("a request that cannot name the caller".to_owned());
            }
            continue;
        }
        let request = match kept.take() {
            Some(request) if caller.subject == Subject::Anyone => request,
            _ => maker.request(operation, caller.subject).await,
        };
        let answer = request.send(&caller.client).await;
        let got = outcome(&answer, operation);
        if got != *expected {
            mismatch(match &answer {
                Ok(answer) => format!(
                    "{} {}",
                    answer.status.as_u16(),
                    answer.text.chars().take(300).collect::<String>()
                ),
                Err(error) => error.clone(),
            });
        }
        // Guessing one account's password for everybody would end in 429.
        let guess = operation.id == "authenticate-kauth";
        let untouched = (got != '+' || operation.method == http::Method::GET) && !guess;
        if untouched && caller.subject == Subject::Anyone {
            kept = Some(request);
        }
    }
    mismatches
}

on_both! {
    /// Holds the whole table.
    async fn every_operation_answers_every_caller_as_the_table_says(engine: Engine) {
        let resolver = Resolver::serve().await;
        let app = TestApp::with(engine, &[&resolver.settings()[..], &[("REGISTRATION", "true")]].concat()).await;
        let rival = app.rival("owner@rival.test").await;
        let (maker, _) = (Maker::new(&app).await, Maker::new(&rival).await);
        let callers = callers::all(&app, &rival, &maker).await;

        let mut table = Table::read(TABLE).unwrap_or_else(|fault| panic!("table.txt: {fault}"));
        let letters: Vec<char> = callers.iter().map(|caller| caller.letter).collect();
        assert_eq!(table.letters, letters, "table.txt: heading");
        let mut mismatches = Vec::new();
        for operation in operations::served() {
            match table.rows.remove(&operation.id) {
                Some(row) => mismatches.extend(judge(&maker, &operation, &row, &callers).await),
                None => mismatches.push(format!("{}  has no line in table.txt", operation.id)),
            }
        }
        let gone = table.rows.keys();
        mismatches.extend(gone.map(|id| format!("{id}  has a line in table.txt, and is not served")));
        assert!(mismatches.is_empty(), "{} mismatches\n{}", mismatches.len(), mismatches.join("\n"));
    }
}

#[test]
fn a_table_with_a_slip_is_refused() {
    let slips = [
        ("operation AB c\none ++ +\none ++ 3", "[one] has two lines"),
        ("operation AB c\none + ++", "the columns of [one] are not those of the heading"),
        ("operation AB c\none +x 3", "[one] has the sign [x]"),
    ];
    for (text, fault) in slips {
        assert_eq!(Table::read(text).err().as_deref(), Some(fault));
    }
}
