// SPDX-License-Identifier: Apache-2.0
// Written here after the documents named beside each, where no registry ships a build: fixtures, not references.
pragma solidity ^0.8.20;

abstract contract Delegating {
    fallback() external payable virtual {
        address target = _target();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    function _target() internal view virtual returns (address);

    function _read(bytes32 slot) internal view returns (address value) {
        assembly {
            value := sload(slot)
        }
    }

    function _write(bytes32 slot, address value) internal {
        assembly {
            sstore(slot, value)
        }
    }
}

// EIP-1822: the slot, and an update without an event.
contract Proxiable is Delegating {
    constructor(address target) {
        _write(keccak256("PROXIABLE"), target);
    }

    function updateCodeAddress(address target) external {
        _write(keccak256("PROXIABLE"), target);
    }

    function _target() internal view override returns (address) {
        return _read(keccak256("PROXIABLE"));
    }
}

// EIP-897: implementation() and proxyType(), the address in a slot of its own.
contract Delegate897 is Delegating {
    address private _implementation;

    constructor(address target) {
        _implementation = target;
    }

    function implementation() external view returns (address) {
        return _implementation;
    }

    function proxyType() external pure returns (uint256) {
        return 2;
    }

    function set(address target) external {
        _implementation = target;
    }

    function _target() internal view override returns (address) {
        return _implementation;
    }
}

// EIP-3561: the EIP-1967 slot, and the next logic in eip3561.proxy.next.logic.
contract Trustless is Delegating {
    event Upgraded(address indexed implementation);
    event NextLogicDefined(address indexed nextLogic, uint256 earliestArrivalBlock);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant NEXT = bytes32(uint256(keccak256("eip3561.proxy.next.logic")) - 1);

    constructor(address target) {
        _write(LOGIC, target);
    }

    function proposeTo(address target) external {
        _write(NEXT, target);
        emit NextLogicDefined(target, block.number + 1);
    }

    function upgrade() external {
        address target = _read(NEXT);
        _write(LOGIC, target);
        emit Upgraded(target);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// EIP-7546: a dictionary in its slot, asked for each selector.
contract Dictionary {
    address public target;

    constructor(address first) {
        target = first;
    }

    function implementation(bytes4) external view returns (address) {
        return target;
    }
}

contract Dictionaried is Delegating {
    event DictionaryUpgraded(address indexed dictionary);

    bytes32 private constant DICTIONARY = bytes32(uint256(keccak256("erc7546.proxy.dictionary")) - 1);

    constructor(address dictionary) {
        _write(DICTIONARY, dictionary);
    }

    function upgradeDictionary(address dictionary) external {
        _write(DICTIONARY, dictionary);
        emit DictionaryUpgraded(dictionary);
    }

    function _target() internal view override returns (address) {
        return Dictionary(_read(DICTIONARY)).implementation(msg.sig);
    }
}

// EIP-1538: one delegate for each function, told by FunctionUpdate.
contract Transparent1538 is Delegating {
    event FunctionUpdate(
        bytes4 indexed functionId, address indexed oldDelegate, address indexed newDelegate, string functionSignature
    );

    mapping(bytes4 => address) private _delegates;

    constructor(address updater) {
        _delegates[bytes4(keccak256("updateContract(address,string,string)"))] = updater;
    }

    function delegateAddress(bytes4 functionId) external view returns (address) {
        return _delegates[functionId];
    }

    function set(string calldata signature, address target) external {
        bytes4 functionId = bytes4(keccak256(bytes(signature)));
        emit FunctionUpdate(functionId, _delegates[functionId], target, signature);
        _delegates[functionId] = target;
    }

    function _target() internal view override returns (address) {
        return _delegates[msg.sig];
    }
}

// Nitro's DoubleLogicERC1967Upgrade: two EIP-1967 slots.
contract DoubleLogic is Delegating {
    event Upgraded(address indexed implementation);
    event UpgradedSecondary(address indexed implementation);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant SECOND = bytes32(uint256(keccak256("eip1967.proxy.implementation.secondary")) - 1);

    constructor(address target, address second) {
        _write(LOGIC, target);
        _write(SECOND, second);
    }

    function upgradeSecondaryTo(address target) external {
        _write(SECOND, target);
        emit UpgradedSecondary(target);
    }

    function upgradeTo(address target) external {
        _write(LOGIC, target);
        emit Upgraded(target);
    }

    function _target() internal view override returns (address) {
        return _read(SECOND);
    }
}

// Superfluid's UUPSProxiable: the EIP-1967 slot, told by CodeUpdated, both arguments in the log's body.
contract SuperCode {
    event CodeUpdated(bytes32 uuid, address codeAddress);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    function getCodeAddress() external view returns (address value) {
        bytes32 slot = LOGIC;
        assembly {
            value := sload(slot)
        }
    }

    function updateCode(address target) external {
        bytes32 slot = LOGIC;
        assembly {
            sstore(slot, target)
        }
        emit CodeUpdated(keccak256("org.superfluid"), target);
    }
}

contract Slot1967 is Delegating {
    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    constructor(address target) {
        _write(LOGIC, target);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// Balancer's BaseRelayer: a library fixed at creation, version() told by the entry point.
contract Relayer is Delegating {
    address private immutable _library;

    constructor(address target) {
        _library = target;
    }

    function getLibrary() external view returns (address) {
        return _library;
    }

    function version() external pure returns (string memory) {
        return "fixture";
    }

    function _target() internal view override returns (address) {
        return _library;
    }
}

// CREATE2 at one address, code chosen at creation, ended in the transaction that made it or (old rule) any time.
contract Redeployer {
    address public next;

    function deploy(address code) external returns (address made) {
        next = code;
        bytes memory init = hex"5860208158601c335a63aaf10f428752fa158151803b80938091923cf3";
        assembly {
            made := create2(0, add(init, 0x20), mload(init), 0)
        }
        require(made != address(0));
    }

    function getImplementation() external view returns (address) {
        return next;
    }
}

// The way of the Bybit hack: a delegated `transfer` that writes its argument over slot 0, without a log.
contract SlotZero {
    uint256 private _first;

    function transfer(address to, uint256) external {
        _first = uint160(to);
    }
}
