// SPDX-License-Identifier: Apache-2.0
// One vault and what may become of it in an upgrade: each contract says what of its storage differs from the first.
pragma solidity ^0.8.24;

contract Vault {
    address public owner;
    bool public paused;
    uint256 public total;
    mapping(address => uint256) public balanceOf;
    uint256[10] private _gap;
    address public keeper;
    string public name;

    function deposit() external payable {
        require(!paused);
        total += msg.value;
        balanceOf[msg.sender] += msg.value;
    }

    function appoint(address one, string calldata words) external {
        require(msg.sender == owner);
        keeper = one;
        name = words;
    }
}

/// Two more at the end, one in the gap: safe.
contract VaultAppended {
    address public owner;
    bool public paused;
    uint256 public total;
    mapping(address => uint256) public balanceOf;
    uint256 public fee;
    uint256[9] private _gap;
    address public keeper;
    string public name;
    mapping(address => bool) public banned;

    function deposit() external payable {
        require(!paused && !banned[msg.sender]);
        total += msg.value - fee;
        balanceOf[msg.sender] += msg.value - fee;
    }

    function appoint(address one, string calldata words) external {
        require(msg.sender == owner);
        keeper = one;
        name = words;
    }

    function ban(address one, uint256 cost) external {
        require(msg.sender == keeper);
        banned[one] = true;
        fee = cost;
    }
}

/// `total` and `balanceOf` have changed places.
contract VaultReordered {
    address public owner;
    bool public paused;
    mapping(address => uint256) public balanceOf;
    uint256 public total;
    uint256[10] private _gap;
    address public keeper;
    string public name;

    function deposit() external payable {
        require(!paused);
        total += msg.value;
        balanceOf[msg.sender] += msg.value;
    }

    function appoint(address one, string calldata words) external {
        require(msg.sender == owner);
        keeper = one;
        name = words;
    }
}

/// `total` is two numbers in one slot.
contract VaultRetyped {
    address public owner;
    bool public paused;
    uint128 public total;
    uint128 public shares;
    mapping(address => uint256) public balanceOf;
    uint256[10] private _gap;
    address public keeper;
    string public name;

    function deposit() external payable {
        require(!paused);
        total += uint128(msg.value);
        shares += 1;
        balanceOf[msg.sender] += msg.value;
    }

    function appoint(address one, string calldata words) external {
        require(msg.sender == owner);
        keeper = one;
        name = words;
    }
}

/// The gap is two shorter, and nothing took its place.
contract VaultShrunk {
    address public owner;
    bool public paused;
    uint256 public total;
    mapping(address => uint256) public balanceOf;
    uint256[8] private _gap;
    address public keeper;
    string public name;

    function deposit() external payable {
        require(!paused);
        total += msg.value;
        balanceOf[msg.sender] += msg.value;
    }

    function appoint(address one, string calldata words) external {
        require(msg.sender == owner);
        keeper = one;
        name = words;
    }
}
