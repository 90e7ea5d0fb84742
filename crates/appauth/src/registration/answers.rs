//! Answers of providers, read with patience: what they send differs from what they publish. A success is any
//! 2xx; what is needed is then required, and nothing else.

use frame::outbound::Answer;
use kernel::{Secret, Timestamp};
use serde_json::{Map, Value};

/// Longest id and secret that a client may have.
const LONGEST: usize = 255;
/// Longest code of an error that is shown.
const LONGEST_CODE: usize = 48;

/// What a refusal says, in whichever of the field's shapes: OAuth's `error`, Auth0's `errorCode`, Graph's
/// `error.code`, Okta's `errorCode`.
#[derive(Default)]
pub struct Refusal {
    /// The code, as it came.
    pub code: String,
    /// The text, in small letters. It is looked at, and never shown.
    pub text: String,
}

impl Refusal {
    /// Reads it off an answer; nothing is there if the answer is no JSON.
    pub fn of(answer: &Answer) -> Self {
        let Ok(body) = answer.json::<Map<String, Value>>() else { return Self::default() };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let nested = |name: &str| body.get("error").and_then(|error| error.get(name)).and_then(Value::as_str);
        let code = nested("code").or_else(|| text("errorCode")).or_else(|| text("error"));
        // A description may be a list of objects, or an object; all that is said counts.
        let said = ["error_description", "message", "errorSummary", "errorCauses", "error"];
        let said: Vec<String> =
            said.iter().filter_map(|name| body.get(*name)).map(Value::to_string).collect();
        Self { code: code.unwrap_or_default().to_owned(), text: said.join(" ").to_lowercase() }
    }

    /// Whether it is about where users are sent back to.
    pub fn is_about_redirects(&self) -> bool {
        self.code == "invalid_redirect_uri" || self.mentions(&["redirect", "callback"])
    }

    /// Whether any of these words is in its text.
    pub fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }

    /// The code as it can be shown: a word, and not this secret.
    pub fn shown(&self, secret: &Secret<String>) -> Option<String> {
        // Microsoft's codes are in the text, in front of it.
        let microsoft = self.text.split("aadsts").nth(1).map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            format!("{} AADSTS{digits}", self.code)
        });
        let code = microsoft.unwrap_or_else(|| self.code.clone());
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
        // A secret that somebody shortened is still one.
        let start: String = secret.reveal().chars().take(8).collect();
        let hidden = !start.is_empty() && code.contains(&start);
        (!code.is_empty() && code.len() <= LONGEST_CODE && code.chars().all(plain) && !hidden).then_some(code)
    }
}

/// A moment: seconds since 1970, or RFC 3339. Nothing and 0 mean never.
pub fn moment(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Number(seconds) => {
            let seconds = seconds.as_i64().filter(|seconds| *seconds > 0)?;
            Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text that is there.
pub fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The texts of a list.
pub fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A client's id, if one can work with it.
pub fn client_id<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let id = text(body, name)?;
    let usable =
        id.chars().count() <= LONGEST && id != "." && id != ".." && !id.chars().any(char::is_control);
    usable.then_some(id)
}

/// A client's secret, if one can work with it.
pub fn client_secret(body: &Map<String, Value>, name: &str) -> Option<Secret<String>> {
    let secret = text(body, name)?;
    (secret.chars().count() <= LONGEST).then(|| Secret::new(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(body: Value) -> Refusal {
        Refusal::of(&Answer {
            status: http::StatusCode::BAD_REQUEST,
            headers: http::HeaderMap::new(),
            body: body.to_string().into_bytes(),
        })
    }

    fn nothing() -> Secret<String> {
        Secret::new(String::new())
    }

    #[test]
    fn each_shape_of_a_refusal_has_its_code() {
        for (body, code) in [
            (json!({ "error": "invalid_client", "error_description": "no" }), "invalid_client"),
            (
                json!({ "error": "Bad Request", "error_description": [{ "keyword": "required" }] }),
                "Bad Request",
            ),
            (
                json!({ "statusCode": 400, "error": "Bad Request", "errorCode": "invalid_body" }),
                "invalid_body",
            ),
            (json!({ "error": { "code": "Request_BadRequest", "message": "x" } }), "Request_BadRequest"),
            (json!({ "errorCode": "E0000011", "errorSummary": "Invalid token provided" }), "E0000011"),
        ] {
            assert_eq!(refusal(body).shown(&nothing()).as_deref(), Some(code));
        }
        let microsoft = json!({ "error": "invalid_client", "error_description": "AADSTS7000215: Invalid" });
        assert_eq!(refusal(microsoft).shown(&nothing()).as_deref(), Some("invalid_client AADSTS7000215"));
        assert!(refusal(json!([1])).shown(&nothing()).is_none());
        let list = json!({ "error": "x", "error_description": [{ "params": { "missingProperty": "redirect_uris" } }] });
        assert!(refusal(list).is_about_redirects());
    }

    #[test]
    fn a_code_that_is_none_is_not_shown() {
        let secret = Secret::new("hunter2hunter2".to_owned());
        let shown = |text: &str| refusal(json!({ "error": text })).shown(&secret);
        assert!(shown("invalid_client").is_some());
        for bad in ["<b>no</b>", "got hunter2hunter2", "hunter2h", "line\nbreak", &"x".repeat(60)] {
            assert!(shown(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn moments_come_as_numbers_and_as_text() {
        let at = |value: Value| moment(Some(&value)).map(|at| at.to_string());
        assert_eq!(at(json!(1_453_913_425)).as_deref(), Some("2016-01-27T16:50:25.000Z"));
        assert_eq!(at(json!("2016-01-27T16:50:25Z")).as_deref(), Some("2016-01-27T16:50:25.000Z"));
        for never in [json!(0), json!(-1), json!(null), json!("0"), json!([])] {
            assert_eq!(at(never), None);
        }
        assert_eq!(moment(None), None);
    }

    #[test]
    fn what_is_too_long_or_a_place_is_no_id() {
        let id = |text: &str| {
            json!({ "client_id": text })
                .as_object()
                .and_then(|body| client_id(body, "client_id").map(str::to_owned))
        };
        assert_eq!(id("../x").as_deref(), Some("../x"));
        for bad in ["", ".", "..", "a\nb", &"x".repeat(256)] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }
}
