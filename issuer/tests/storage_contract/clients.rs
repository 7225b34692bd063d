//! Clients and what was made from the configuration.

use logout_issuer::domain::authorization::digest;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::domain::token_encryption::ClientKeys;
use logout_issuer::storage::{CodeUse, Store};

use crate::samples::{
    at, client, code, delivery, delivery_id, id, insert_deliveries, insert_session, join, session,
};
use crate::{commit, each_store};

async fn insert(store: &dyn Store, client: Client) -> bool {
    commit!(store, |tx| tx.insert_client(&client).await).unwrap()
}

each_store! {
    async fn a_client_is_read_back_as_it_was_stored(store: &dyn Store) {
        let full = client("shop");
        let bare = Client {
            sealed_secret: None,
            token_endpoint_auth_method: None,
            logout: None,
            encryption: None,
            keys: None,
            callbacks: Vec::new(),
            ..client("bare")
        };
        assert!(insert(store, full.clone()).await && insert(store, bare.clone()).await);
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_client(&full.id).await.unwrap(), Some(full));
        assert_eq!(view.find_client(&bare.id).await.unwrap(), Some(bare));
        assert_eq!(view.find_client(&id("none")).await.unwrap(), None);
    }

    async fn an_id_is_given_once(store: &dyn Store) {
        assert!(insert(store, client("shop")).await);
        let second = Client { name: "Another".into(), ..client("shop") };
        assert!(!insert(store, second).await);
        let found = store.read().await.unwrap().find_client(&id("shop")).await.unwrap();
        assert_eq!(found.unwrap().name, "A shop");
    }

    async fn changes_of_a_client_are_kept(store: &dyn Store) {
        insert(store, client("shop")).await;
        let changed = Client {
            name: "Renamed".into(),
            sealed_secret: Some("another".into()),
            logout: None,
            encryption: None,
            keys: Some(ClientKeys::At(LogoutUrl::from_stored("https://shop.example/jwks".into()))),
            updated_at: at(9),
            ..client("shop")
        };
        let again = changed.clone();
        assert!(commit!(store, |tx| tx.update_client(&again).await).unwrap());
        let found = store.read().await.unwrap().find_client(&changed.id).await.unwrap();
        assert_eq!(found, Some(changed));
        let unknown = client("none");
        assert!(!commit!(store, |tx| tx.update_client(&unknown).await).unwrap());
    }

    async fn sealed_secrets_are_read_in_pages_and_sealed_anew_unless_changed(store: &dyn Store) {
        for name in ["a", "b", "c"] {
            let sealed_secret = (name != "b").then(|| format!("old {name}"));
            insert(store, Client { sealed_secret, ..client(name) }).await;
        }
        let mut view = store.read().await.unwrap();
        let first = view.sealed_secrets(None, 1).await.unwrap();
        assert_eq!(first, [(id("a"), "old a".to_owned())]);
        let rest = view.sealed_secrets(Some(&id("a")), 9).await.unwrap();
        assert_eq!(rest, [(id("c"), "old c".to_owned())]);
        drop(view);
        let a = id("a");
        assert!(commit!(store, |tx| tx.replace_sealed_secret(&a, "old a", "new").await).unwrap());
        let a = id("a");
        assert!(!commit!(store, |tx| tx.replace_sealed_secret(&a, "old a", "late").await).unwrap());
        let found = store.read().await.unwrap().find_client(&id("a")).await.unwrap();
        assert_eq!(found.unwrap().sealed_secret.as_deref(), Some("new"));
    }

    async fn clients_are_listed_by_age(store: &dyn Store) {
        for (name, age) in [("new", 3), ("old", 1), ("middle", 2)] {
            insert(store, Client { created_at: at(age), ..client(name) }).await;
        }
        let mut view = store.read().await.unwrap();
        let listed = view.list_clients(0, 2).await.unwrap();
        let rest = view.list_clients(2, 2).await.unwrap();
        let names: Vec<_> = listed.iter().chain(&rest).map(|one| one.id.as_str()).collect();
        assert_eq!(names, ["old", "middle", "new"]);
        assert_eq!(view.count_clients().await.unwrap(), 3);
    }

    async fn a_deleted_client_takes_its_codes_and_places_along_but_not_its_deliveries(
        store: &dyn Store
    ) {
        for name in ["shop", "bank"] {
            insert(store, client(name)).await;
        }
        insert_session(store, &session("s1", "u1")).await;
        join(store, "s1", "shop", at(0)).await;
        join(store, "s1", "bank", at(0)).await;
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        commit!(store, |tx| tx.insert_code(&code("c", "shop")).await).unwrap();
        assert!(commit!(store, |tx| tx.delete_client(&id("shop")).await).unwrap());
        assert!(!commit!(store, |tx| tx.delete_client(&id("shop")).await).unwrap());

        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_client(&id("shop")).await.unwrap(), None);
        let left = view.participants(&id("s1")).await.unwrap();
        assert_eq!(left.iter().map(|one| one.client.as_str()).collect::<Vec<_>>(), ["bank"]);
        assert!(view.find_delivery(delivery_id(1)).await.unwrap().is_some());
        let used = commit!(store, |tx| tx.use_code(&digest("c"), at(1)).await).unwrap();
        assert_eq!(used, CodeUse::Unknown);
    }

    async fn what_was_bootstrapped_is_remembered(store: &dyn Store) {
        assert!(!store.read().await.unwrap().was_bootstrapped("client shop").await.unwrap());
        for _ in 0..2 {
            commit!(store, |tx| tx.mark_bootstrapped("client shop").await).unwrap();
        }
        assert!(store.read().await.unwrap().was_bootstrapped("client shop").await.unwrap());
        assert!(!store.read().await.unwrap().was_bootstrapped("client").await.unwrap());
    }
}
