//! Lists of users: pages, order and searches.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{Answer, Api};

const READ: &str = "read:users";

async fn make(api: &Api, n: u32, more: Value) {
    let mut body = json!({
        "connection": "Username-Password-Authentication", "password": "x",
        "user_id": format!("{n:03}"), "email": format!("user{n}@example.org"),
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    api.call("create:users", "POST /users", body)
        .await
        .expect(201);
}

async fn list(api: &Api, query: &str) -> Answer {
    api.get(READ, &format!("/users?{query}")).await
}

fn ids(list: &Value) -> Vec<String> {
    let users = list.as_array().unwrap().iter();
    users
        .map(|user| {
            let id = user["user_id"].as_str().unwrap();
            id.trim_start_matches("auth0|").to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_list_ends_also_while_users_are_being_made() {
    let api = Api::start().await;
    for n in 0..5 {
        make(&api, n, json!({})).await;
    }
    let mut seen = BTreeSet::new();
    for page in 0.. {
        assert!(page < 5, "the list does not end");
        let query = format!("page={page}&per_page=3&include_totals=true");
        let body = list(&api, &query).await.expect(200);
        assert_eq!(body["start"], page * 3);
        assert_eq!(body["limit"], 3);
        let users = ids(&body["users"]);
        assert_eq!(body["length"], users.len());
        if users.is_empty() {
            break;
        }
        for id in users {
            assert!(seen.insert(id), "told twice");
        }
        if page < 2 {
            api.clock.advance(std::time::Duration::from_secs(1));
            make(&api, 10 + page, json!({})).await;
        }
    }
    assert_eq!(seen.len(), 8, "and the one who was there before");
}

#[tokio::test]
async fn pages_are_counted_in_full_past_a_thousand() {
    let api = Api::start().await;
    let far = list(&api, "page=100&per_page=100&include_totals=true").await;
    let wanted = json!({"start": 10_000, "limit": 100, "length": 0, "total": 1, "users": []});
    assert_eq!(far.expect(200), wanted);
    let bare = list(&api, "per_page=1&fields=user_id").await.expect(200);
    assert_eq!(bare, json!([{"user_id": "auth0|ada"}]));
    for bad in ["per_page=101", "page=-1", "include_totals=yes"] {
        list(&api, bad).await.expect(400);
    }
}

#[tokio::test]
async fn users_are_searched_and_sorted() {
    let api = Api::start().await;
    make(&api, 1, json!({"name": "Zoë Ångström", "blocked": true})).await;
    make(&api, 2, json!({"name": "Bob", "email": "bob@other.net"})).await;
    for (query, wanted) in [
        ("q=email:%22USER1@example.org%22", vec!["001"]),
        ("q=email:*@other.net", vec!["002"]),
        ("q=name:zo%C3%AB*", vec!["001"]),
        ("q=bob", vec!["002"]),
        ("q=blocked:true", vec!["001"]),
        ("q=NOT%20blocked:true&sort=email:1", vec!["ada", "002"]),
        ("q=user_id:%22auth0|002%22", vec!["002"]),
        ("q=_exists_:name&sort=name:-1", vec!["001", "002"]),
        ("q=last_login:*", vec![]),
        ("connection=other", vec![]),
        (
            "connection=Username-Password-Authentication&search_engine=v3",
            vec!["001", "002", "ada"],
        ),
    ] {
        let found = list(&api, query).await.expect(200);
        assert_eq!(ids(&found), wanted, "{query}");
    }
    for (query, property) in [
        ("q=shoe:38", "q"),
        ("q=email:(", "q"),
        ("sort=shoe:1", "sort"),
        ("sort=email", "sort"),
        ("search_engine=v2", "search_engine"),
        ("primary_order=maybe", "primary_order"),
    ] {
        let told = list(&api, query).await.expect(400);
        assert_eq!(told["errorCode"], "invalid_query_string", "{query}");
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("on property {property}")),
            "{query}: {message}"
        );
    }
}
