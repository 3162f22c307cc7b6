//! Data sets in their published form.

use std::io::Write;

use super::*;

#[test]
fn mvtec_layout_is_split_as_published() {
    let root = folder(&[
        "train/good/b.png",
        "train/good/a.PNG",
        "train/good/readme.txt",
        "test/good/c.png",
        "test/scratch/d.jpg",
        "ground_truth/scratch/d_mask.png",
    ]);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(names(&found.train), [":a.PNG:Normal", ":b.png:Normal"]);
    assert_eq!(names(&found.test), [":c.png:Normal", ":d.jpg:Anomalous"]);
    let masks: Vec<bool> = found.test.iter().map(|s| !s.masks.is_empty()).collect();
    assert_eq!(masks, [false, true]);
    assert_eq!(found.test[1].kind, "scratch");
}

#[test]
fn mvtec_ad_2_is_tested_with_its_public_images() {
    let root = folder(&[
        "can/train/good/000_regular.png",
        "can/validation/good/000_regular.png",
        "can/test_public/good/000_shift_1.png",
        "can/test_public/bad/000_overexposed.png",
        "can/test_public/ground_truth/bad/000_overexposed_mask.png",
        "can/test_private/000_regular.png",
    ]);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 1, 1]);
    let unread = "2 folders are not read: test_private, validation.";
    assert_eq!(found.notes(), [unread]);
}

#[test]
fn piped_layout_keeps_the_normal_images_after_the_36th_for_testing() {
    let mut files: Vec<String> = (0..40)
        .map(|i| format!("data/K/NoDefects/{i:02}.png"))
        .collect();
    files.push("data/K/Defects/K_D_1.png".into());
    files.push("data/K/Defects/GroundTruth/K_GT_1.png".into());
    files.push("data/L/NoDefect/y.png".into());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let root = folder(&files);
    assert_eq!(DataSet::open(root.path()).unwrap().categories(), ["K", "L"]);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!((found.train.len(), found.test.len()), (37, 5));
    assert_eq!(names(&found.test)[4], "K:K_D_1.png:Anomalous");
    assert!(!found.test[4].masks.is_empty());
    for inner in ["NoDefects/masks/1.png", "Defects/more/1.png"] {
        write(root.path(), &format!("data/K/{inner}"), b"");
    }
    let again = split(root.path(), &["K"]).unwrap();
    assert_eq!((again.train.len(), again.test.len()), (36, 5));
    let notes = again.notes().join(" ");
    let named = "2 folders are not read: NoDefects/masks, Defects/more.";
    assert!(notes.contains(named), "{notes}");
    let one = split(root.path(), &["L"]).unwrap();
    assert_eq!((one.train.len(), one.test.len()), (1, 0));
    let error = message(root.path(), &["M"]);
    assert!(error.contains("no category M; there are: K, L"), "{error}");
    write(root.path(), "spare/z.png", b"");
    let beside = split(root.path(), &["L"]).unwrap().notes().join(" ");
    assert!(beside.contains("spare"), "{beside}");
}

#[test]
fn a_folder_called_data_hides_no_category_beside_it() {
    let root = folder(&["bottle/train/good/a.png", "data/x.png"]);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(names(&found.train), ["bottle:a.png:Normal"]);
    let notes = found.notes().join(" ");
    assert!(notes.contains("data"), "{notes}");
}

#[test]
fn of_class_folders_one_is_normal_and_the_whole_test_split_is_tested() {
    let root = folder(&[
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/1.png",
        "test/cat/3.png",
        "test/dog/2.png",
    ]);
    let found = split(root.path(), &["cat"]).unwrap();
    assert_eq!(
        names(&found.train),
        ["cat:1.png:Normal", "cat:2.png:Normal"]
    );
    assert_eq!(
        names(&found.test),
        ["cat:3.png:Normal", "cat:2.png:Anomalous"]
    );
    assert_eq!(found.test[1].kind, "dog");
    for categories in [&[][..], &["cat", "dog"]] {
        let error = message(root.path(), categories);
        assert!(
            error.contains("name it with --category; there are: cat, dog"),
            "{error}"
        );
    }
}

fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let magic = if sizes.len() == 3 { 0x0803 } else { 0x0801u32 };
    let header = [&[magic], sizes].concat();
    let header = header.into_iter().flat_map(u32::to_be_bytes);
    header.chain(bytes.iter().copied()).collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn mnist() -> TempDir {
    let root = TempDir::new().unwrap();
    let images = idx(&[2, 2, 2], &[10, 20, 30, 40, 50, 60, 70, 80]);
    write(root.path(), "train-images-idx3-ubyte.gz", &packed(&images));
    write(root.path(), "train-labels-idx1-ubyte", &idx(&[2], &[7, 3]));
    write(root.path(), "t10k-images-idx3-ubyte", &images);
    write(root.path(), "t10k-labels-idx1-ubyte", &idx(&[2], &[3, 7]));
    root
}

#[test]
fn mnist_digits_come_out_of_idx_files_packed_or_not() {
    let root = mnist();
    assert_eq!(DataSet::open(root.path()).unwrap().categories(), ["3", "7"]);
    let found = split(root.path(), &["3"]).unwrap();
    assert_eq!(found.train.len(), 1);
    let labels: Vec<Label> = found.test.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Label::Normal, Label::Anomalous]);
    let loaded = found.train[0].load(2, 2).unwrap();
    assert_eq!(loaded.image.as_raw()[..6], [50, 50, 50, 60, 60, 60]);
    assert!(
        loaded.name.ends_with("train-images-idx3-ubyte.gz#1"),
        "{}",
        loaded.name
    );
}

#[test]
fn unsound_idx_files_are_named() {
    let says = |file: &str, bytes: &[u8], words: &str| {
        let root = mnist();
        write(root.path(), file, bytes);
        let error = message(root.path(), &["3"]);
        assert!(error.contains(file) && error.contains(words), "{error}");
    };
    let images = "t10k-images-idx3-ubyte";
    says(images, &[], "cut off");
    says(images, &idx(&[2], &[1, 2]), "no idx file of its kind");
    says(
        images,
        &idx(&[2, 2, 2], &[0; 7]),
        "claims 2×2×2 bytes and has 7",
    );
    says(
        images,
        &idx(&[2, 2, 2], &[0; 9]),
        "claims 2×2×2 bytes and has more",
    );
    says(
        images,
        &idx(&[u32::MAX, 4096, 4096], &[]),
        "bytes are not expected",
    );
    says(images, &idx(&[2, 2, 3], &[0; 12]), "3×2 pixels");
    let labels = "t10k-labels-idx1-ubyte";
    says(labels, &idx(&[1], &[3]), "1 labels for 2 images");
    says(labels, &idx(&[2], &[3]), "claims 2 bytes and has 1");
    says(labels, &idx(&[2], &[3, 10]), "label 10 is no digit");
    says("train-images-idx3-ubyte.gz", b"no gzip", "end of file");
    let cut_off = &packed(&idx(&[2, 2, 2], &[0; 8]))[..20];
    says(
        "train-images-idx3-ubyte.gz",
        cut_off,
        "incomplete deflate stream",
    );
    let bomb = packed(&idx(&[2, 2, 2], &vec![0; 1 << 24]));
    says("train-images-idx3-ubyte.gz", &bomb, "has more");
    let root = mnist();
    fs::remove_file(root.path().join(labels)).unwrap();
    assert!(message(root.path(), &["3"]).contains("lacks t10k-labels"));
}

#[test]
fn cifar_batches_hold_red_before_green_before_blue() {
    let root = TempDir::new().unwrap();
    let record = |label: u8| {
        let plane = |value: u8| vec![value; 1024];
        [vec![label], plane(1), plane(2), plane(3)].concat()
    };
    let inner = "cifar-10-batches-bin";
    for batch in 1..=5 {
        let name = format!("{inner}/data_batch_{batch}.bin");
        write(root.path(), &name, &record(batch));
    }
    let test = format!("{inner}/test_batch.bin");
    write(root.path(), &test, &[record(3), record(9)].concat());
    let found = split(root.path(), &["cat"]).unwrap();
    assert_eq!((found.train.len(), found.test.len()), (1, 2));
    assert_eq!(found.test[1].kind, "truck");
    assert_eq!(
        found.train[0].load(32, 32).unwrap().image.as_raw()[..3],
        [1, 2, 3]
    );

    write(root.path(), &test, &record(3)[1..]);
    assert!(message(root.path(), &["cat"]).contains("not whole images"));
    write(root.path(), &test, &record(10));
    assert!(message(root.path(), &["cat"]).contains("image 0 has label 10"));
    fs::remove_file(root.path().join(test)).unwrap();
    assert!(message(root.path(), &["cat"]).contains("test_batch.bin"));
}

#[test]
fn the_frames_of_videos_are_read_as_ucsd_publishes_them() {
    let root = folder(&[
        "Train/Train001/001.tif",
        "Test/Test001/002.tif",
        "Test/Test001/001.tif",
        "Test/Test001_gt/001.bmp",
    ]);
    assert!(message(root.path(), &[]).contains("needs frame_labels.csv"));
    let labels = b"video,frame,abnormal\nTest001,0,0\nTest001,1,1\n";
    write(root.path(), "frame_labels.csv", labels);
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(
        names(&found.test),
        [":001.tif:Normal", ":002.tif:Anomalous"]
    );
    assert_eq!(found.test[0].video, "Test001");
}

#[test]
fn a_video_too_few_is_named_and_a_stray_image_hides_no_data_set() {
    let root = folder(&["Train/Train001/001.tif", "Test/Test002/001.tif"]);
    let labels = b"video,frame,abnormal\nTest001,0,1\nTest002,0,1\n";
    write(root.path(), "frame_labels.csv", labels);
    let error = message(root.path(), &[]);
    assert!(
        error.contains("holds 1 videos, and there are labels for 2"),
        "{error}"
    );
    let root = folder(&["stray.png", "train/cat/1.png", "test/cat/2.png"]);
    assert_eq!(split(root.path(), &["cat"]).unwrap().train.len(), 1);
}

#[test]
fn frames_that_labels_leave_out_are_an_error() {
    let root = folder(&["training/01/1.jpg", "testing/01/1.jpg", "testing/01/2.jpg"]);
    write(
        root.path(),
        "frame_labels.csv",
        b"video,frame,abnormal\n01,0,0\n",
    );
    assert!(message(root.path(), &[]).contains("1 label for 2 frames"));
}
