// Threads, a child, and a panic that is caught: unwinding asks the dynamic linker for its objects.
use std::process::Command;
use std::thread;

fn main() {
    let sum: i32 = (1..5).map(|n| thread::spawn(move || n * n).join().unwrap()).sum();
    println!("{}", sum);
    print!("{}", String::from_utf8_lossy(&Command::new("/bin/echo").arg("from rust").output().unwrap().stdout));
    println!("{}", std::panic::catch_unwind(|| panic!("caught")).is_err());
}
