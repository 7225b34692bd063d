//! Users and their passwords.

use std::collections::HashMap;

use logout_issuer::domain::user::{PasswordHash, User};
use logout_issuer::storage::Store;

use crate::samples::{at, id, user};
use crate::{commit, each_store};

async fn insert(store: &dyn Store, user: User, phc: Option<&str>) -> bool {
    let password = phc.map(|phc| PasswordHash {
        phc: phc.into(),
        version: user.password_version,
    });
    commit!(store, |tx| tx.insert_user(&user, password.as_ref()).await).unwrap()
}

each_store! {
    async fn a_user_is_read_back_as_it_was_stored(store: &dyn Store) {
        let ann = user("u1", "Ann@Example.org");
        let bob = User { last_login: None, admin: false, blocked: true, ..user("u2", "b@b") };
        assert!(insert(store, ann.clone(), Some("$phc")).await);
        assert!(insert(store, bob.clone(), None).await);
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_user(&ann.id).await.unwrap(), Some(ann.clone()));
        assert_eq!(view.find_user(&bob.id).await.unwrap(), Some(bob.clone()));
        assert_eq!(view.find_password(&ann.id).await.unwrap().unwrap().phc, "$phc");
        assert!(view.find_password(&bob.id).await.unwrap().is_none());
        assert!(view.find_password(&id("u3")).await.unwrap().is_none());
        assert_eq!(view.list_users(1, 10).await.unwrap(), [bob]);
        assert_eq!(commit!(store, |tx| tx.lock_user(&id("u1")).await).unwrap(), Some(ann));
    }

    async fn addresses_are_compared_without_case(store: &dyn Store) {
        insert(store, user("u1", "Änne@Example.org"), None).await;
        let mut view = store.read().await.unwrap();
        let found = view.find_user_by_email("äNNE@EXAMPLE.ORG").await.unwrap();
        assert_eq!(found.unwrap().email, "Änne@Example.org");
        assert_eq!(view.find_user_by_email("nne@example.org").await.unwrap(), None);
    }

    async fn addresses_of_several_users_are_read_at_once(store: &dyn Store) {
        insert(store, user("u1", "ann@example.org"), None).await;
        insert(store, user("u2", "bob@example.org"), None).await;
        let ids = ["u1", "u2", "u3"].map(id);
        let mut view = store.read().await.unwrap();
        let found = view.find_emails(&[&ids[0], &ids[2]]).await.unwrap();
        assert_eq!(found, HashMap::from([(id("u1"), "ann@example.org".to_owned())]));
        assert!(view.find_emails(&[]).await.unwrap().is_empty());
    }

    async fn an_id_and_an_address_are_given_once(store: &dyn Store) {
        assert!(insert(store, user("u1", "ann@example.org"), None).await);
        assert!(!insert(store, user("u2", "ANN@example.org"), None).await);
        assert!(!insert(store, user("u1", "bob@example.org"), None).await);
        assert!(insert(store, user("u2", "bob@example.org"), None).await);
        let taken = user("u2", "Ann@example.org");
        assert!(!commit!(store, |tx| tx.update_user(&taken).await).unwrap());
        let found = store.read().await.unwrap().find_user(&id("u2")).await.unwrap();
        assert_eq!(found.unwrap().email, "bob@example.org");
    }

    async fn changes_of_a_user_are_kept_and_do_not_touch_the_password(store: &dyn Store) {
        insert(store, user("u1", "ann@example.org"), Some("$first")).await;
        let second = PasswordHash { phc: "$second".into(), version: 1 };
        commit!(store, |tx| tx.set_password(&id("u1"), &second).await).unwrap();
        // Read before the password was changed, so it carries the old version.
        let changed = User { blocked: true, updated_at: at(9), ..user("u1", "ANN@example.org") };
        let again = changed.clone();
        assert!(commit!(store, |tx| tx.update_user(&again).await).unwrap());
        let mut view = store.read().await.unwrap();
        let found = view.find_user(&changed.id).await.unwrap();
        assert_eq!(found, Some(User { password_version: 1, ..changed }));
        let password = view.find_password(&id("u1")).await.unwrap().unwrap();
        assert_eq!((password.phc.as_str(), password.version), ("$second", 1));
        let unknown = user("u3", "c@c");
        assert!(!commit!(store, |tx| tx.update_user(&unknown).await).unwrap());
    }

    async fn a_deleted_user_is_gone_and_the_address_is_free(store: &dyn Store) {
        insert(store, user("u1", "ann@example.org"), Some("$phc")).await;
        assert!(commit!(store, |tx| tx.delete_user(&id("u1")).await).unwrap());
        assert!(!commit!(store, |tx| tx.delete_user(&id("u1")).await).unwrap());
        assert!(insert(store, user("u2", "ann@example.org"), None).await);
    }
}
