//! The filter mechanism: every operator on every kind of field, with the same result on both databases.

use kernel::{Problem, query::Ops};
use tests::{Engine, TestApp, on_both};

use crate::{
    findings::Findings,
    fixture::{PEOPLE, People, Person},
};

/// The data set of the filtering document.
pub const DOCUMENTED: [Person; 3] = [
    Person {
        id: "500d74f4-37e1-4f59-b51a-8cf7c7903692",
        email: "CharlieCruz@konghq.com",
        name: Some("Charlie"),
        full_name: "Charlie Cruz",
        active: Some(true),
        created_at: "2022-05-10T15:10:25Z",
        updated_at: None,
        age: None,
        state: None,
        labels: &[],
    },
    Person {
        id: "500d74f4-37e1-4b13-b51a-8cf7c7903692",
        email: "AlexCruz@konghq.com",
        name: Some("Alex"),
        full_name: "Alex Cruz",
        active: Some(true),
        created_at: "2022-05-10T15:10:25Z",
        updated_at: Some("2022-10-19T15:33:02Z"),
        age: None,
        state: None,
        labels: &[],
    },
    Person {
        id: "500d74f4-37e1-4d13-b51a-8cf7c7903692",
        email: "AlexGarcia@konghq.com",
        name: Some("Alex"),
        full_name: "Alex Garcia",
        active: Some(true),
        created_at: "2022-05-10T15:10:25Z",
        updated_at: Some("2022-10-19T15:33:02Z"),
        age: None,
        state: None,
        labels: &[],
    },
];

on_both! {
    /// The worked queries of the filtering document, on its own data.
    async fn the_worked_queries(engine: Engine) {
        let app = TestApp::new(engine).await;
        let people = People::new(&app, &DOCUMENTED).await;
        for (query, found) in [
            ("filter[name][contains]=Charlie", vec!["Charlie Cruz"]),
            ("filter[full_name][contains]=Cruz&filter[name]=Alex", vec!["Alex Cruz"]),
            ("filter[updated_at]", vec!["Alex Cruz", "Alex Garcia"]),
            ("filter[updated_at]&filter[full_name][contains]=Cruz", vec!["Alex Cruz"]),
            // Of an older edition.
            ("filter[full_name]=Charlie%20Cruz", vec!["Charlie Cruz"]),
        ] {
            assert_eq!(people.find(query).await.expect("it can be read"), found, "{query}");
        }
    }
}

/// Names that differ in case, in accents, in characters that `LIKE` takes for wildcards, and in being
/// there at all. The full name tells them apart.
const ODD: [Person; 8] = {
    const NOBODY: Person = Person {
        id: "",
        email: "",
        name: None,
        full_name: "",
        active: None,
        created_at: "2024-01-01T00:00:00Z",
        updated_at: None,
        age: None,
        state: None,
        labels: &[],
    };
    [
        Person {
            id: "00000000-0000-4000-8000-000000000001",
            full_name: "1",
            name: Some("Ärger"),
            age: Some(7),
            active: Some(true),
            updated_at: Some("2024-03-01T00:00:00Z"),
            labels: &[("env", "Prod"), ("a.b", "1")],
            ..NOBODY
        },
        Person {
            id: "00000000-0000-4000-8000-000000000002",
            full_name: "2",
            name: Some("ärger"),
            age: Some(-7),
            active: Some(false),
            updated_at: Some("2024-03-01T00:00:00.000001Z"),
            labels: &[("env", "prod")],
            ..NOBODY
        },
        Person {
            id: "00000000-0000-4000-8000-000000000003",
            full_name: "3",
            name: Some("50%"),
            age: Some(0),
            state: Some("ON"),
            labels: &[("env", "staging")],
            ..NOBODY
        },
        Person {
            id: "00000000-0000-4000-8000-000000000004",
            full_name: "4",
            name: Some("50 percent"),
            created_at: "2023-12-31T23:59:59.999999Z",
            state: Some("OFF"),
            ..NOBODY
        },
        Person {
            id: "00000000-0000-4000-8000-000000000005",
            full_name: "5",
            name: Some("a_b"),
            created_at: "2024-01-01T00:00:00.000001Z",
            ..NOBODY
        },
        Person {
            id: "00000000-0000-4000-8000-000000000006",
            full_name: "6",
            name: Some("a\\b,axb"),
            ..NOBODY
        },
        Person { id: "00000000-0000-4000-8000-000000000007", full_name: "7", name: Some(""), ..NOBODY },
        Person { id: "00000000-0000-4000-8000-000000000008", full_name: "8", name: None, ..NOBODY },
    ]
};

/// What each query finds of [`ODD`], as one digit each.
const FINDS: [(&str, &str); 73] = [
    ("", "12345678"),
    // eq: case counts, nothing is a wildcard.
    ("filter[name]=%C3%84rger", "1"),
    ("filter[name][eq]=%C3%A4rger", "2"),
    ("filter[name][eq]=50%25", "3"),
    ("filter[name][eq]=a_b", "5"),
    ("filter[name][eq]=A_b", ""),
    ("filter[name][eq]=", "7"),
    ("filter[name][eq]=a%5Cb,axb", "6"),
    // neq: also those without.
    ("filter[name][neq]=a_b", "1234678"),
    ("filter[name][neq]=", "1234568"),
    ("filter[name][neq]=nobody", "12345678"),
    // contains: case does not count, in no alphabet.
    ("filter[name][contains]=%C3%84RG", "12"),
    ("filter[name][contains]=%C3%A4rg", "12"),
    ("filter[name][contains]=PERCENT", "4"),
    ("filter[name][contains]=%25", "3"),
    ("filter[name][contains]=_", "5"),
    ("filter[name][contains]=%5C", "6"),
    ("filter[name][contains]=50", "34"),
    ("filter[name][contains]=0%25", "3"),
    ("filter[name][contains]=%25%25", ""),
    ("filter[name][contains]=", "1234567"),
    ("filter[name][contains]='", ""),
    // oeq and ocontains: any of a list.
    ("filter[name][oeq]=a_b,50%25", "35"),
    ("filter[name][oeq]=nobody", ""),
    ("filter[name][oeq]=a_b,,nobody", "57"),
    ("filter[name][ocontains]=%C3%84rg,_", "125"),
    ("filter[name][ocontains]=%25,%5C", "36"),
    ("filter[name][ocontains]=nobody,nothing", ""),
    // Bare: is it there?
    ("filter[name]", "1234567"),
    ("filter[name]=", "1234567"),
    ("filter[active]", "12"),
    ("filter[age]", "123"),
    ("filter[state]", "34"),
    ("filter[id]", "12345678"),
    // UUIDs, whatever their case.
    ("filter[id]=00000000-0000-4000-8000-000000000003", "3"),
    ("filter[id][eq]=00000000-0000-4000-8000-00000000000A", ""),
    ("filter[id][neq]=00000000-0000-4000-8000-000000000003", "1245678"),
    ("filter[id][oeq]=00000000-0000-4000-8000-000000000008,00000000-0000-4000-8000-000000000001", "18"),
    // Booleans: bare only.
    ("filter[active]=true", "1"),
    ("filter[active]=false", "2"),
    // Numbers.
    ("filter[age]=-7", "2"),
    ("filter[age][eq]=0", "3"),
    ("filter[age][lt]=0", "2"),
    ("filter[age][lte]=0", "23"),
    ("filter[age][gt]=0", "1"),
    ("filter[age][gte]=0", "13"),
    ("filter[age][gt]=-7&filter[age][lt]=7", "3"),
    ("filter[age]=9223372036854775807", ""),
    // Moments, to the millisecond that replies show, in any zone; whoever sends more is taken at his word.
    ("filter[updated_at]=2024-03-01T00:00:00Z", "12"),
    ("filter[updated_at][eq]=2024-02-29T19:00:00-05:00", "12"),
    ("filter[updated_at]=2024-03-01T00:00:00.000001Z", "2"),
    ("filter[updated_at]=2024-03-01T00:00:00.001Z", ""),
    ("filter[updated_at][lte]=2024-03-01T00:00:00.000Z", "12"),
    ("filter[updated_at][lte]=2024-02-29T23:59:59.999Z", ""),
    ("filter[updated_at][gt]=2024-03-01T00:00:00Z", ""),
    ("filter[updated_at][gt]=2024-02-29T23:59:59.999Z", "12"),
    ("filter[updated_at][lt]=2024-03-01T00:00:00Z", ""),
    ("filter[updated_at][gte]=2024-03-01T00:00:00Z", "12"),
    ("filter[updated_at][gte]=2024-03-01T00:00:00.000001Z", "2"),
    ("filter[updated_at][lt]=2024-03-02T00:00:00Z", "12"),
    ("filter[created_at][gte]=2024-01-01T00:00:00Z&filter[created_at][lte]=2024-01-01T00:00:00Z", "1235678"),
    // Words, also by another name.
    ("filter[state]=ON", "3"),
    ("filter[status][eq]=OFF", "4"),
    // Labels, in both spellings.
    ("filter[labels.env]=prod", "2"),
    ("filter[labels.env][eq]=Prod", "1"),
    ("filter[labels][env][eq]=Prod", "1"),
    ("filter[labels.env][contains]=PRO", "12"),
    ("filter[labels][env][contains]=g", "3"),
    ("filter[labels.env][exists]=true", "123"),
    ("filter[labels.env][exists]=false", "45678"),
    ("filter[labels.env]", "123"),
    ("filter[labels.a.b]=1&filter[labels.env]=Prod", "1"),
    // All must hold.
    (
        "filter[name][contains]=rger&filter[age][gt]=0&filter[labels.env][exists]=true&filter[active]=true",
        "1",
    ),
];

on_both! {
    /// Every operator on every kind of field.
    async fn every_operator(engine: Engine) {
        let app = TestApp::new(engine).await;
        let people = People::new(&app, &ODD).await;
        let mut findings = Findings::default();
        for (query, expected) in FINDS {
            let encoded = query.replace('[', "%5B").replace(']', "%5D");
            for query in [query, &encoded] {
                match people.find(query).await {
                    Ok(found) => findings.want(found.concat() == expected, || {
                        format!("{query} finds {found:?} instead of {expected}")
                    }),
                    Err(problem) => findings.note(format!("{query}: {problem}")),
                }
            }
        }
        // The table above has every operator of every field in it.
        for field in PEOPLE.fields {
            for operator in field.ops.names() {
                let (plain, label) = (
                    format!("filter[{}][{operator}]", field.name),
                    format!("filter[{}.env][{operator}]", field.name),
                );
                let alias = field.aliases.first().map(|alias| format!("filter[{alias}][{operator}]"));
                let tried = |name: &str| FINDS.iter().any(|(query, _)| query.contains(name));
                let covered = field.name == "email"
                    || field.name == "full_name"
                    || tried(&plain)
                    || tried(&label)
                    || alias.is_some_and(|alias| tried(&alias));
                findings.want(covered, || format!("nothing tries {plain}"));
            }
        }
        findings.end();
    }
}

on_both! {
    /// By what it is sorted: nothing comes before everything, and what is equal stays in order, or in the
    /// reverse of it.
    async fn sorting(engine: Engine) {
        let app = TestApp::new(engine).await;
        let people = People::new(&app, &ODD).await;
        let mut findings = Findings::default();
        for (query, expected) in [
            ("sort=name", "87436512"),
            ("sort=name%20asc", "87436512"),
            ("sort=name+desc", "21563478"),
            ("sort=age", "45678231"),
            ("sort=age%20desc", "13287654"),
            ("sort=updated_at", "34567812"),
            ("sort=updated_at%20desc", "21876543"),
            ("sort=created_at", "41236785"),
            ("sort=created_at%20desc,name%20desc", "52163784"),
            ("sort=full_name%20%20desc%20,%20", "87654321"),
            ("sort=", "12345678"),
            ("sort", "12345678"),
            ("sort=age&filter[age][gte]=0", "31"),
        ] {
            match people.find(query).await {
                Ok(found) => findings.want(found.concat() == expected, || {
                    format!("{query} gives {} instead of {expected}", found.concat())
                }),
                Err(problem) => findings.note(format!("{query}: {problem}")),
            }
        }
        for bad in [
            "sort=nope",
            "sort=email",
            "sort=labels",
            "sort=name%20up",
            "sort=name%20asc%20desc",
            "sort=name;desc",
            "sort=-name",
        ] {
            findings.want(people.find(bad).await.is_err(), || format!("{bad} is accepted"));
        }
        findings.end();
    }
}

on_both! {
    /// What a field does not have is refused by name; so is too much of anything.
    async fn what_filters_do_not_take(engine: Engine) {
        let app = TestApp::new(engine).await;
        let people = People::new(&app, &DOCUMENTED).await;
        let items = |count: usize| vec!["x"; count].join(",");
        for (query, field) in [
            ("filter[name][lt]=a".to_owned(), "filter[name][lt]"),
            ("filter[name][exists]=true".to_owned(), "filter[name][exists]"),
            ("filter[id][contains]=5".to_owned(), "filter[id][contains]"),
            ("filter[updated_at][contains]=2022".to_owned(), "filter[updated_at][contains]"),
            ("filter[updated_at][neq]=2022-10-19T15:33:02Z".to_owned(), "filter[updated_at][neq]"),
            ("filter[created_at][eq]=2022-10-19T15:33:02Z".to_owned(), "filter[created_at][eq]"),
            ("filter[created_at][lt]=2022-10-19T15:33:02Z".to_owned(), "filter[created_at][lt]"),
            ("filter[active][eq]=true".to_owned(), "filter[active][eq]"),
            ("filter[labels.env][neq]=x".to_owned(), "filter[labels.env][neq]"),
            ("filter[labels.]=x".to_owned(), "filter[labels.]"),
            ("filter[labels]=x".to_owned(), "filter[labels]"),
            ("filter[name.first]=x".to_owned(), "filter[name.first]"),
            (format!("filter[name][oeq]={}", items(51)), "filter[name][oeq]"),
            (format!("filter[name][ocontains]={}", items(51)), "filter[name][ocontains]"),
        ] {
            match people.find(&query).await {
                Err(Problem::Invalid(faults)) => {
                    assert_eq!(faults.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), [field])
                }
                other => panic!("{query}: {other:?}"),
            }
        }
        assert_eq!(
            people.find(&format!("filter[name][oeq]={}", items(50))).await.expect("fifty are accepted"),
            [""; 0]
        );
        let operators: Vec<&str> = Ops::STRING.names().collect();
        assert_eq!(operators, ["eq", "neq", "contains", "oeq", "ocontains"]);
    }
}
