//! Lists of clients: every form of paging ends, also while clients are being made.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{Api, CALLER, client};

async fn api_with_clients(count: usize) -> Api {
    let api = Api::start().await;
    for n in 1..count {
        let mut client = client(&format!("c{n:03}"));
        if n % 2 == 0 {
            client.other.insert("app_type".into(), json!("spa"));
            client.other.insert("is_first_party".into(), json!(false));
        }
        api.put_client(client).await;
    }
    api
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|client| client["client_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_is_bare_or_has_totals() {
    let api = api_with_clients(5).await;
    let bare = api
        .get("read:clients", "/clients?per_page=2&page=1")
        .await
        .expect(200);
    assert_eq!(ids(&bare), ["c003", "c004"]);
    let path = "/clients?page=2&per_page=2&include_totals=true";
    let totals = api.get("read:clients", path).await.expect(200);
    assert_eq!(ids(&totals["clients"]), [CALLER]);
    for (member, value) in [("start", 4), ("limit", 2), ("length", 1), ("total", 5)] {
        assert_eq!(totals[member], value, "{member}");
    }
    let count = api
        .get("read:clients", "/clients?per_page=0&include_totals=true")
        .await
        .expect(200);
    assert_eq!(
        (&count["total"], &count["clients"]),
        (&json!(5), &json!([]))
    );
}

#[tokio::test]
async fn numbered_pages_end_also_while_clients_are_made() {
    let api = api_with_clients(5).await;
    let mut seen = BTreeSet::new();
    for page in 0.. {
        assert!(page < 6, "the list does not end");
        let path = format!("/clients?page={page}&per_page=2&include_totals=true");
        let body = api.get("read:clients", &path).await.expect(200);
        let page_ids = ids(&body["clients"]);
        if page_ids.is_empty() {
            break;
        }
        for id in page_ids {
            assert!(seen.insert(id.to_owned()), "{id} came twice");
        }
        if page < 2 {
            // Made later, so it is on a later page.
            let mut new = client(&format!("a-new-{page}"));
            new.created_at = new.created_at + std::time::Duration::from_secs(60 + page);
            api.put_client(new).await;
        }
    }
    assert_eq!(seen.len(), 7);
    let far = api
        .get("read:clients", "/clients?page=4294967295&per_page=100")
        .await
        .expect(200);
    assert_eq!(far, json!([]));
}

#[tokio::test]
async fn cursors_lead_to_the_end_also_over_a_deleted_client() {
    let api = api_with_clients(5).await;
    let first = api.get("read:clients", "/clients?take=2").await.expect(200);
    assert_eq!(ids(&first["clients"]), ["c001", "c002"]);
    api.call("delete:clients", "DELETE /clients/c002", Value::Null)
        .await
        .expect(204);
    let next = first["next"].as_str().unwrap();
    let second = api
        .get("read:clients", &format!("/clients?take=2&from={next}"))
        .await
        .expect(200);
    assert_eq!(ids(&second["clients"]), ["c003", "c004"]);
    let next = second["next"].as_str().unwrap();
    let last = api
        .get("read:clients", &format!("/clients?take=2&from={next}"))
        .await
        .expect(200);
    assert_eq!(ids(&last["clients"]), [CALLER]);
    assert!(last.get("next").is_none());
    let nowhere = api
        .get("read:clients", "/clients?from=nonsense")
        .await
        .expect(200);
    assert_eq!(nowhere, json!({"clients": []}));
}

#[tokio::test]
async fn filters_narrow_the_list_and_its_total() {
    let api = api_with_clients(6).await;
    for (filter, total) in [
        ("app_type=spa", 2),
        ("app_type=spa,native", 2),
        ("app_type=native", 0),
        ("is_first_party=true", 4),
        ("is_first_party=false", 2),
        ("is_global=true", 0),
        ("is_global=false", 6),
        ("q=client_grant.allow_any_organization:true", 0),
    ] {
        let path = format!("/clients?include_totals=true&per_page=1&{filter}");
        let body = api.get("read:clients", &path).await.expect(200);
        assert_eq!(body["total"], total, "{filter}");
        assert_eq!(
            body["clients"].as_array().unwrap().len(),
            total.min(1),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn fields_are_chosen_or_left_out() {
    let api = api_with_clients(2).await;
    let path = "/clients?fields=client_id,name&include_fields=true";
    let list = api.get("read:clients", path).await.expect(200);
    assert_eq!(list[0], json!({"client_id": "c001", "name": "Client c001"}));
    let path = "/clients/c001?fields=name&include_fields=false";
    let one = api.get("read:clients", path).await.expect(200);
    assert!(one.get("name").is_none() && one.get("client_id").is_some());
}

#[tokio::test]
async fn wrong_parameters_are_told_by_name() {
    let api = Api::start().await;
    for query in [
        "page=-1",
        "per_page=101",
        "include_totals=maybe",
        "is_global=1",
        "take=0",
    ] {
        let answer = api.get("read:clients", &format!("/clients?{query}")).await;
        let body = answer.expect(400);
        assert_eq!(body["errorCode"], "invalid_query_string");
        let name = query.split('=').next().unwrap();
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .ends_with(&format!("on property {name}."))
        );
    }
}
