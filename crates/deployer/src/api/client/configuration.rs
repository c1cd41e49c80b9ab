//! Calls about the configuration of environments and organizations.

use reqwest::Method;
use serde_json::Value;

use crate::api::client::Client;
use crate::api::client::call::{Call, Sent};
use crate::api::reply::{Page, Reply, UnusableReply};
use crate::api::retry::Effect;
use crate::error::Error;
use crate::error::unexpected_response::ResponseProblem;
use apigee_flux_configuration::listing::{Found, Pages};
use apigee_flux_configuration::{self as configuration, Answer, Shape, Verb};
use apigee_flux_model::names::Name;
use apigee_flux_model::pem;

impl Client {
    /// The names of the organization's environments: a plain list, which is not described in the discovery document.
    pub async fn environments(&self, organization: &Name) -> Result<Vec<Name>, Error> {
        let parts = vec!["organizations", organization.as_str(), "environments"];
        let call = Call::read(parts, "apigee.environments.list");
        let list = |reply: &Reply| -> Result<Vec<String>, UnusableReply> {
            serde_json::from_value(reply.any_json()?).map_err(|error| ResponseProblem::Field(error.to_string()).into())
        };
        let names = self.answer(&call, list).await?;
        names.iter().map(|name| name.parse().map_err(Error::Usage)).collect()
    }

    /// Whether an environment has a target server, key value map or other object in the given collection.
    pub async fn environment_has(
        &self,
        organization: &Name,
        environment: &Name,
        collection: &'static str,
        name: &str,
        needs: &'static str,
    ) -> Result<bool, Error> {
        let parts =
            vec!["organizations", organization.as_str(), "environments", environment.as_str(), collection, name];
        match self.answer(&Call::read(parts, needs), |reply| reply.json(Shape::with(&["name"]))).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Performs a read of a kind of configuration: all pages of a list; a 404 is an answer.
    pub async fn read(&self, read: &configuration::Read) -> Result<Answer, Error> {
        match self.read_found(read).await {
            Err(error) if error.is_not_found() => Ok(Answer::Missing),
            other => other,
        }
    }

    async fn read_found(&self, read: &configuration::Read) -> Result<Answer, Error> {
        let parts: Vec<&str> = read.path.iter().map(String::as_str).collect();
        let query: Vec<(&'static str, &str)> = read.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let whole = || Call { query: query.clone(), ..Call::read(parts.clone(), &read.needs) };
        let items = match read.form {
            configuration::Form::Bytes => return Ok(Answer::Bytes(self.answer(&whole(), Reply::bytes).await?)),
            configuration::Form::Certificates => {
                let is_pem = |bytes: &[u8]| !pem::certificates(&String::from_utf8_lossy(bytes)).is_empty();
                let certificates = |reply: &Reply| reply.file("a certificate in PEM", is_pem);
                return Ok(Answer::Bytes(self.answer(&whole(), certificates).await?));
            }
            configuration::Form::Json(shape) => {
                return Ok(Answer::Json(self.answer(&whole(), |reply| reply.json(shape)).await?));
            }
            configuration::Form::Pages(items) => items,
        };
        let mut all: Vec<Value> = Vec::new();
        let mut token = String::new();
        loop {
            let mut call = whole();
            call.query.extend(Some(("pageToken", token.as_str())).filter(|_| !token.is_empty()));
            let page = self.answer(&call, |reply| reply.page(items, &token)).await?;
            all.extend(page.items);
            if page.next.is_empty() {
                return Ok(Answer::Json(serde_json::json!({ items: all })));
            }
            token = page.next;
        }
    }

    /// Reads what is needed of a list: as many of its pages as that is worth.
    pub(crate) async fn pages(&self, mut pages: Pages) -> Result<Found, Error> {
        while let Some(read) = pages.next() {
            let configuration::Form::Pages(items) = read.form else { break };
            let parts = read.path.iter().map(String::as_str).collect();
            let query = read.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let call = Call { query, ..Call::read(parts, &read.needs) };
            let token = pages.token().to_owned();
            let Page { items, next, total } = self.answer(&call, |reply| reply.page(items, &token)).await?;
            pages.take(items, next, total);
        }
        Ok(pages.into_found())
    }

    /// Sends a call that changes configuration, and returns the response; null if it is empty.
    pub async fn change(&self, request: &configuration::Request) -> Result<Value, Error> {
        let call = Call {
            method: match request.verb {
                Verb::Get => Method::GET,
                Verb::Post => Method::POST,
                Verb::Put => Method::PUT,
                Verb::Patch => Method::PATCH,
                Verb::Delete => Method::DELETE,
            },
            parts: request.path.iter().map(String::as_str).collect(),
            custom: None,
            query: request.query.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            body: Sent::Configuration(&request.body),
            effect: if request.makes_new { Effect::Create } else { Effect::Write },
            needs: &request.needs,
        };
        self.answer(&call, Reply::done).await
    }
}
