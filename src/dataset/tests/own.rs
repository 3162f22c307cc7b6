//! Folders in layouts of users' own, and the notes about them.

use super::*;

#[test]
fn a_folder_of_images_is_all_for_training() {
    let root = folder(&["1.png", "2.webp"]);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!((found.train.len(), found.test.len()), (2, 0));
}

#[test]
fn folders_of_mere_images_side_by_side_are_not_taken_for_normal() {
    let root = folder(&["good/1.png", "bad/2.png"]);
    let error = message(root.path(), &[]);
    assert!(error.contains("known to be normal"), "{error}");
    assert_eq!(
        split(&root.path().join("good"), &[]).unwrap().train.len(),
        1
    );
}

#[test]
fn empty_and_missing_folders_are_named() {
    let root = folder(&[]);
    let error = message(root.path(), &[]);
    assert!(error.contains("holds no images"), "{error}");
    let error = message(&root.path().join("nowhere"), &[]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn the_layout_is_told_under_the_names_in_use() {
    let all: [&dyn Fn(&str) -> String; 9] = [
        &|file| file.into(),
        &|file| file.replace("good", "ok"),
        &|file| file.replace("good", "NORMAL"),
        &|file| file.replace("test/good", "test/Good"),
        &|file| file.replace("train", "Train").replace("test", "TEST"),
        &|file| file.replace("train/good", "train"),
        &|file| file.replace("ground_truth", "Masks").replace("_mask", ""),
        &|file| {
            file.replace("ground_truth/hole", "SegmentationClass")
                .replace("_mask", "")
        },
        &|file| {
            file.replace("0_mask.png", "0/000.png")
                .replace("good/0", "good/monday/0")
        },
    ];
    for (index, rename) in all.into_iter().enumerate() {
        let root = renamed(rename);
        let found = split(root.path(), &[]).unwrap();
        assert_eq!(counts(&found), [1, 1, 2, 2], "{index}");
        assert_eq!(found.notes(), [""; 0], "{index}");
    }
}

#[test]
fn what_systems_hide_changes_nothing() {
    let root = renamed(str::to_owned);
    for file in [
        "train/good/._0.png",
        "train/good/Thumbs.db",
        "test/.ipynb_checkpoints/0-checkpoint.png",
        "test/good/.ipynb_checkpoints/0-checkpoint.png",
        "test/@eaDir/0.png",
        "test/$RECYCLE.BIN/0.png",
        "test/hole/.DS_Store",
        "ground_truth/hole/._0_mask.png",
        "__MACOSX/train/good/0.png",
    ] {
        write(root.path(), file, b"");
    }
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 2, 2]);
    assert_eq!(found.notes(), [""; 0]);
}

#[test]
fn what_is_not_used_is_said() {
    let root = renamed(|file| file.replace("ground_truth/hole/0", "ground_truth/hole/7"));
    for file in [
        "test/2.png",
        "train/good/a.gif",
        "train/bad/0.png",
        "test/hole/1.json",
    ] {
        write(root.path(), file, b"");
    }
    let notes = split(root.path(), &[]).unwrap().notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].starts_with("5 files and folders are not read: ")
            && notes[0].contains("good/a.gif"),
        "{notes:?}"
    );
    assert!(
        notes[1].starts_with("1 of 2 anomalous test images have no mask")
            && notes[1].contains("hole/0.png"),
        "{notes:?}"
    );
    let notes = split(
        renamed(|file| file.replace("test/good", "test/fine")).path(),
        &[],
    );
    let notes = notes.unwrap().notes().join(" ");
    assert!(
        notes.contains("no folder of them is called good"),
        "{notes}"
    );
}

#[test]
fn images_one_folder_deeper_are_used_or_the_message_says_where_they_are() {
    let root = renamed(|file| format!("bottle/{file}"));
    assert_eq!(counts(&split(root.path(), &[]).unwrap()), [1, 1, 2, 2]);
    let root = renamed(|file| format!("downloads/mvtec/bottle/{file}"));
    let error = message(root.path(), &[]);
    assert!(
        error.contains("downloads/mvtec/bottle/test/good (1)"),
        "{error}"
    );
    let root = folder(&["2024-01-01/0.png", "2024-01-01/1.png", "2024-01-02/0.png"]);
    let error = message(root.path(), &[]);
    assert!(
        error.contains("images in 2024-01-01 (2), 2024-01-02 (1)"),
        "{error}"
    );
}

#[test]
fn class_folders_called_train_and_test_in_capitals_are_no_videos() {
    let files = [
        "Train/cat/1.png",
        "Train/dog/1.png",
        "Test/cat/1.png",
        "Test/dog/1.png",
    ];
    let found = split(folder(&files).path(), &["cat"]).unwrap();
    assert_eq!(counts(&found), [1, 1, 1, 0]);
}

#[test]
fn a_second_folder_of_a_kind_is_named() {
    let root = renamed(str::to_owned);
    for file in ["Test/cut/2.png", "masks/hole/0.png", "test/gt/0.png"] {
        write(root.path(), file, b"");
    }
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 2, 2]);
    let notes = found.notes().join(" ");
    for named in ["Test", "masks", "test/gt"] {
        assert!(notes.contains(named), "{notes}");
    }
}

#[test]
fn test_images_alone_are_enough_to_evaluate_with() {
    let root = renamed(str::to_owned);
    fs::remove_dir_all(root.path().join("train")).unwrap();
    assert_eq!(counts(&split(root.path(), &[]).unwrap()), [0, 1, 2, 2]);
    assert!(message(root.path(), &["cable"]).contains("not divided into categories"));
    let root = renamed(|file| file.replace("test/good", "test/fine"));
    fs::remove_dir_all(root.path().join("train")).unwrap();
    assert!(message(root.path(), &[]).contains("known to be normal"));
}

#[test]
fn good_images_under_another_name_in_train_are_pointed_to() {
    let root = renamed(|file| file.replace("train/good", "train/perfect"));
    for categories in [&[][..], &["perfect"]] {
        let error = message(root.path(), categories);
        let advice = "rename perfect to good";
        assert!(error.contains(advice), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_within_the_data_set_is_named_and_a_pipe_is_not_read() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let root = renamed(str::to_owned);
    let hole = root.path().join("test/hole");
    symlink("../..", hole.join("up")).unwrap();
    symlink("../good", hole.join("aside")).unwrap();
    symlink("..", root.path().join("test/above")).unwrap();
    symlink("hole", root.path().join("test/hole2")).unwrap();
    symlink("../train/good", root.path().join("test/fine")).unwrap();
    // A socket, like a pipe, is not a regular file: it cannot be a photograph or a labelme file.
    let masks = root.path().join("ground_truth/hole");
    let sockets = [
        masks.join("z.json"),
        hole.join("2.png"),
        hole.join("0.json"),
    ];
    let _open = sockets.map(|path| UnixListener::bind(path).unwrap());
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 2, 2]);
    let unread: Vec<String> = found.unread.iter().map(|(_, path)| name(path)).collect();
    for named in [
        "up", "aside", "above", "hole2", "fine", "z.json", "2.png", "0.json",
    ] {
        assert!(unread.iter().any(|name| name == named), "{unread:?}");
    }
    let notes = found.notes().join(" ");
    assert!(notes.contains("(a link to a folder)"), "{notes}");
}
