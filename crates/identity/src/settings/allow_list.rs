//! Where calls to the organization's API may come from.

use std::net::IpAddr;

use frame::{
    Cx, from_row,
    input::At,
    reply::{Created, Found},
};
use ipnet::IpNet;
use kernel::{
    Action, Body, Draft, Fault, Fields, OrgId, Patch, Problem, Result,
    rules::{Boolean, List, Parsed},
};
use serde::Serialize;
use serde_json::json;

use super::{own_organization, store};

/// The IP allow list (contract: `OrganizationSourceIPRestriction`).
#[derive(Clone, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowList {
    /// Whether it is enforced.
    pub enabled: bool,
    /// Addresses and networks.
    #[schemars(length(max = 1000))]
    pub allowed_ips: Vec<String>,
}

/// The list as a row has it.
pub(super) struct AllowListRow {
    pub ip_allow_list_enabled: Option<bool>,
    pub ip_allow_list: Option<serde_json::Value>,
}

from_row!(AllowListRow { ip_allow_list_enabled, ip_allow_list });

impl AllowListRow {
    pub(super) fn list(self) -> Option<AllowList> {
        let allowed_ips = serde_json::from_value(self.ip_allow_list?).unwrap_or_default();
        Some(AllowList { enabled: self.ip_allow_list_enabled?, allowed_ips })
    }
}

impl AllowList {
    /// The networks that calls may come from.
    pub fn networks(&self) -> Vec<IpNet> {
        self.allowed_ips.iter().filter_map(|text| network(text)).collect()
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

const fn entries(least: usize) -> List<Parsed<String>> {
    let entry = Parsed {
        parse: |text| {
            let fault = || Fault::Rule("must be an IP address or a network in CIDR notation".to_owned());
            network(text).map(|_| text.to_owned()).ok_or_else(fault)
        },
        schema: || json!({ "type": "string" }),
    };
    List { item: entry, least, most: 1000, distinct: true }
}

/// A new allow list.
pub struct NewAllowList(AllowList);

impl Body for NewAllowList {
    const NAME: &'static str = "PutIpAllowList";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let enabled = fields.required("enabled", Boolean);
        let allowed_ips = fields.required("allowed_ips", entries(1));
        Some(Self(AllowList { enabled: enabled?, allowed_ips: allowed_ips? }))
    }
}

/// A change of the allow list.
pub struct AllowListPatch {
    enabled: Patch<bool>,
    allowed_ips: Patch<Vec<String>>,
}

impl Body for AllowListPatch {
    const NAME: &'static str = "PatchIpAllowList";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.not_empty();
        let enabled = fields.patch("enabled", Boolean);
        let allowed_ips = fields.patch("allowed_ips", entries(0));
        Some(Self { enabled: enabled?, allowed_ips: allowed_ips? })
    }
}

pub(super) async fn allow_list_get(cx: Cx, At(id): At<OrgId>) -> Result<Found<AllowList>> {
    own_organization(&cx, id)?;
    store::allow_list_get(cx.db()).await?.map(Found).ok_or(Problem::NotFound("IP allow list"))
}

pub(super) async fn allow_list_put(
    cx: Cx,
    At(id): At<OrgId>,
    draft: Draft<NewAllowList>,
) -> Result<Created<AllowList>> {
    own_organization(&cx, id)?;
    let before = store::allow_list_get(cx.db()).await?;
    let NewAllowList(after) = draft.parse()?;
    allow_list_set(&cx, before, after).await.map(Created)
}

pub(super) async fn allow_list_patch(
    cx: Cx,
    At(id): At<OrgId>,
    draft: Draft<AllowListPatch>,
) -> Result<Found<AllowList>> {
    own_organization(&cx, id)?;
    let before = store::allow_list_get(cx.db()).await?;
    let patch = draft.parse()?;
    let current = before.clone().unwrap_or(AllowList { enabled: false, allowed_ips: vec![] });
    let after = AllowList {
        enabled: patch.enabled.or(current.enabled),
        allowed_ips: patch.allowed_ips.or(current.allowed_ips),
    };
    allow_list_set(&cx, before, after).await.map(Found)
}

/// Sets the list, unless it would keep out the very caller who sets it.
async fn allow_list_set(cx: &Cx, before: Option<AllowList>, after: AllowList) -> Result<AllowList> {
    let ip = cx.origin().ip;
    if after.enabled && !after.networks().iter().any(|net| net.contains(&ip)) {
        return Err(Problem::Conflict(format!(
            "The list would keep out the address [{ip}] that this request comes from"
        )));
    }
    store::allow_list_update(cx.db(), &after, cx.now()).await?;
    cx.access_changed().await?;
    cx.audit(Action::Edit, "access-policy/ip-allow-list", json!({ "before": before, "after": after }))
        .await?;
    Ok(after)
}
