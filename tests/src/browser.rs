//! A browser without a window: keeps cookies, follows redirects, fills in forms.
//!
//! It speaks real HTTP and knows nothing of the pages it visits beyond HTML: a test that signs in
//! with it walks the way a person walks. It runs no scripts, so pages must work without them.
//! Cookies are kept for each instance; two instances are two people.

use std::sync::Arc;

use reqwest::cookie::Jar;
use reqwest::{Client, Response, StatusCode, redirect};
use scraper::{Html, Selector};
use url::Url;

/// What a visit can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// The server did not answer.
    #[error("no answer")]
    Http(#[from] reqwest::Error),
    /// The page has no form.
    #[error("{0} has no form (status {1})")]
    NoForm(Url, StatusCode),
    /// The form's address makes no sense.
    #[error("the form on {0} has a broken action")]
    BrokenAction(Url),
}

/// A browser.
#[derive(Debug, Clone)]
pub struct Browser {
    follows: Client,
    stays: Client,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A browser with an empty cookie jar.
    ///
    /// # Panics
    ///
    /// If the HTTP client cannot be made.
    pub fn new() -> Self {
        let jar = Arc::new(Jar::default());
        Self {
            follows: client(&jar, redirect::Policy::limited(10)),
            stays: client(&jar, redirect::Policy::none()),
        }
    }

    /// Opens an address and follows redirects.
    ///
    /// # Errors
    ///
    /// [`BrowserError::Http`] if nobody answers.
    pub async fn open(&self, address: &str) -> Result<Page, BrowserError> {
        Page::read(
            self.follows
                .get(address)
                .header("accept", "text/html")
                .send()
                .await?,
        )
        .await
    }

    /// Opens an address and stays at the first answer.
    ///
    /// # Errors
    ///
    /// [`BrowserError::Http`] if nobody answers.
    pub async fn peek(&self, address: &str) -> Result<Page, BrowserError> {
        Page::read(
            self.stays
                .get(address)
                .header("accept", "text/html")
                .send()
                .await?,
        )
        .await
    }

    /// Fills in the first form of a page and sends it; fields not named keep their values.
    ///
    /// # Errors
    ///
    /// [`BrowserError::NoForm`] if the page has none, [`BrowserError::Http`] if nobody answers.
    pub async fn submit(&self, page: &Page, fields: &[(&str, &str)]) -> Result<Page, BrowserError> {
        let form = page.form()?;
        let mut sent: Vec<(String, String)> = form
            .fields
            .into_iter()
            .filter(|(name, _)| !fields.iter().any(|(given, _)| given == name))
            .collect();
        sent.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        let request = if form.post {
            // A browser names the page a form stands on; servers use it against forged requests.
            self.follows
                .post(form.action)
                .header("origin", page.url.origin().ascii_serialization())
                .header("sec-fetch-site", "same-origin")
                .form(&sent)
        } else {
            let mut address = form.action;
            address.query_pairs_mut().clear().extend_pairs(&sent);
            self.follows.get(address)
        };
        Page::read(request.header("accept", "text/html").send().await?).await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the browser is an HTTP client of its own"
)]
fn client(jar: &Arc<Jar>, redirects: redirect::Policy) -> Client {
    Client::builder()
        .cookie_provider(Arc::clone(jar))
        .redirect(redirects)
        .no_proxy()
        .user_agent("logout-tests/1 (a browser without a window)")
        .build()
        .expect("the HTTP client has no settings that can fail")
}

/// A page as it came at the end of all redirects.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the browser ended up.
    pub url: Url,
    /// The status of the last answer.
    pub status: StatusCode,
    /// The last answer's body.
    pub body: String,
}

struct Form {
    action: Url,
    post: bool,
    fields: Vec<(String, String)>,
}

impl Page {
    async fn read(response: Response) -> Result<Self, BrowserError> {
        let (url, status) = (response.url().clone(), response.status());
        Ok(Self {
            url,
            status,
            body: response.text().await?,
        })
    }

    /// Whether the page has a field with this name.
    pub fn has_field(&self, name: &str) -> bool {
        self.form()
            .is_ok_and(|form| form.fields.iter().any(|(field, _)| field == name))
    }

    fn form(&self) -> Result<Form, BrowserError> {
        let html = Html::parse_document(&self.body);
        let form = html
            .select(&selector("form"))
            .next()
            .ok_or_else(|| BrowserError::NoForm(self.url.clone(), self.status))?;
        let action = self
            .url
            .join(form.attr("action").unwrap_or(""))
            .map_err(|_| BrowserError::BrokenAction(self.url.clone()))?;
        let fields = form
            .select(&selector("input[name], button[name]"))
            .map(|input| {
                let attribute = |name| input.attr(name).unwrap_or_default().to_owned();
                (attribute("name"), attribute("value"))
            })
            .collect();
        let post = form
            .attr("method")
            .is_some_and(|method| method.eq_ignore_ascii_case("post"));
        Ok(Form {
            action,
            post,
            fields,
        })
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("the selector is a constant of ours")
}
