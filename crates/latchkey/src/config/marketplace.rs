//! The settings of AWS Marketplace.

use signin::marketplace::Settings;
use url::Url;

use super::Sources;

impl Sources {
    /// What is sold there; nothing without a region. `clear` is whether its service may be reached by http.
    pub(super) fn marketplace(&mut self, clear: Option<bool>) -> Option<Settings> {
        let region = self.read("aws-marketplace-region", region);
        let endpoint =
            self.read("aws-marketplace-endpoint", |text| endpoint(text, clear.unwrap_or_default()));
        let product_codes = self.read("aws-marketplace-product-codes", product_codes);
        let without = self.get("aws-marketplace-region").text.is_none();
        if without && (endpoint.is_some() || product_codes.is_some()) {
            let fault = "aws-marketplace-endpoint and aws-marketplace-product-codes are only good with \
                         aws-marketplace-region";
            self.faults.push(fault.to_owned());
        }
        Some(Settings { region: region?, endpoint, product_codes: product_codes.unwrap_or_default() })
    }
}

fn region(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let whole = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    if whole && text.len() <= 40 && text.contains('-') && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a region, such as us-east-1".to_owned())
    }
}

fn endpoint(text: &str, clear: bool) -> Result<String, String> {
    let url = Url::parse(text).ok();
    let scheme = |url: &Url| url.scheme() == "https" || (clear && url.scheme() == "http");
    let bare = |url: &Url| {
        let nobody = url.username().is_empty() && url.password().is_none();
        nobody && url.has_host() && url.query().is_none() && url.fragment().is_none()
    };
    url.filter(|url| scheme(url) && bare(url)).map(|_| text.to_owned()).ok_or_else(|| {
        let rule = "must be an https:// URL without a query";
        format!("{rule}, or an http:// URL if outbound-http is on")
    })
}

/// As AWS writes them.
fn product_codes(text: &str) -> Result<Vec<String>, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-/=:_.@".contains(c);
    let codes: Vec<String> = text.split(',').map(|code| code.trim().to_owned()).collect();
    if codes.iter().all(|code| (1..=255).contains(&code.len()) && code.chars().all(good)) {
        Ok(codes)
    } else {
        Err("must be product codes, separated by commas".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_region_no_address_and_no_product_is_refused() {
        for good in ["us-east-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(region(good).is_ok(), "{good}");
        }
        for bad in
            ["us", "US-EAST-1", "us-east-1.evil.test", "us-east-1/", "-us-east", "us-east-", "us east-1"]
        {
            assert!(region(bad).is_err(), "{bad}");
        }
        assert!(endpoint("https://vpce-1.metering-marketplace.test/", false).is_ok());
        assert!(endpoint("http://127.0.0.1:5000", true).is_ok());
        for bad in ["http://aws.test", "https://a:b@aws.test", "https://aws.test/?x", "aws.test", "file:///x"]
        {
            assert!(endpoint(bad, false).is_err(), "{bad}");
        }
        assert_eq!(product_codes("a1b2, prod-x").unwrap(), ["a1b2", "prod-x"]);
        for bad in ["", "a,,b", "a b", "a;b"] {
            assert!(product_codes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_counts_without_a_region() {
        let with = |given: &[(&'static str, &str)]| {
            let environment = given
                .iter()
                .map(|(name, value)| (format!("LATCHKEY_AWS_MARKETPLACE_{name}"), (*value).to_owned()));
            Sources::gather(&|_| None, &environment.collect(), None).config().map(|it| it.signin.marketplace)
        };
        assert!(with(&[]).is_ok_and(|it| it.is_none()));
        assert!(with(&[("REGION", "us-east-1")]).is_ok_and(|it| it.is_some()));
        for alone in [("ENDPOINT", "https://aws.test"), ("PRODUCT_CODES", "a")] {
            let faults = with(&[alone]).expect_err("a fault");
            assert!(faults[0].ends_with("only good with aws-marketplace-region"), "{faults:?}");
        }
        // One fault, not two.
        assert_eq!(with(&[("REGION", "x"), ("PRODUCT_CODES", "a")]).err().map(|it| it.len()), Some(1));
    }
}
