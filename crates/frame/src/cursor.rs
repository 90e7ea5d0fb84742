//! Replies of lists that page by cursor: the neighbouring pages as relative URIs.

use kernel::Result;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Cx, db::CursorPage};

/// Where the neighbouring pages are.
#[derive(Serialize, JsonSchema)]
pub struct CursorMeta {
    /// The first page.
    pub first: String,
    /// The last page.
    pub last: String,
    /// The next page; `null` at the end.
    pub next: Option<String>,
    /// The page in front; `null` at the start.
    pub previous: Option<String>,
    /// How many objects were asked for.
    pub size: i64,
}

/// Paging metadata around [`CursorMeta`].
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CursorPaginatedMeta")]
pub struct Around {
    /// The page.
    pub page: CursorMeta,
}

/// A cursor-paged list: `{"meta": {"page": {…}}, "data": […]}`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}CursorPage")]
pub struct Cursored<T> {
    /// Where the neighbouring pages are.
    pub meta: Around,
    /// The objects.
    pub data: Vec<T>,
}

/// A cursor-paged list whose metadata is flat: `{"meta": {…}, "data": […]}`.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "{T}FlatCursorPage")]
pub struct FlatCursored<T> {
    /// Where the neighbouring pages are.
    pub meta: CursorMeta,
    /// The objects.
    pub data: Vec<T>,
}

impl<T> Cursored<T> {
    /// The reply to this request.
    pub fn new(cx: &Cx, page: CursorPage<T>) -> Result<Self> {
        let FlatCursored { meta, data } = FlatCursored::new(cx, page)?;
        Ok(Self { meta: Around { page: meta }, data })
    }
}

impl<T> FlatCursored<T> {
    /// The reply to this request.
    pub fn new(cx: &Cx, page: CursorPage<T>) -> Result<Self> {
        let (path, query) = cx.origin().uri.split_once('?').unwrap_or((&cx.origin().uri, ""));
        let path = path.strip_prefix("/v3").or_else(|| path.strip_prefix("/v2")).unwrap_or(path);
        // What filters the list filters its other pages too.
        let mut base = format!("{path}?page[size]={}", page.size);
        for part in query.split('&').filter(|part| part.starts_with("filter") || part.starts_with("sort=")) {
            base.push('&');
            base.push_str(part);
        }
        let meta = CursorMeta {
            next: page.next.map(|cursor| format!("{base}&page[after]={cursor}")),
            previous: page.previous.map(|cursor| format!("{base}&page[before]={cursor}")),
            last: format!("{base}&page[before]={}", page.last),
            first: base,
            size: page.size.into(),
        };
        Ok(Self { meta, data: page.data })
    }
}
