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

// Aave's immutable admin: the EIP-1967 slot, the admin in the code; others' calls go on to the target.
contract ImmutableAdmin is Delegating {
    event Upgraded(address indexed implementation);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    address private immutable _admin;

    constructor(address target, address owner) {
        _admin = owner;
        _write(LOGIC, target);
    }

    modifier ifAdmin() {
        if (msg.sender == _admin) {
            _;
        } else {
            this.forwarded();
        }
    }

    function forwarded() external view {
        revert();
    }

    function admin() external ifAdmin returns (address) {
        return _admin;
    }

    function upgradeTo(address target) external ifAdmin {
        _write(LOGIC, target);
        emit Upgraded(target);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// Celo's Proxy: EIP-1967 slots, ImplementationSet and OwnerSet.
contract CeloLike is Delegating {
    event ImplementationSet(address indexed implementation);
    event OwnerSet(address indexed owner);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant ADMIN = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    constructor(address target, address owner) {
        _write(LOGIC, target);
        _write(ADMIN, owner);
    }

    function _getImplementation() external view returns (address) {
        return _read(LOGIC);
    }

    function _setImplementation(address target) external {
        _write(LOGIC, target);
        emit ImplementationSet(target);
    }

    function _transferOwnership(address owner) external {
        _write(ADMIN, owner);
        emit OwnerSet(owner);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// Origin's Governable proxies: the governor in keccak256("OUSD.governor").
contract Governed is Delegating {
    event Upgraded(address indexed implementation);
    event GovernorshipTransferred(address indexed previousGovernor, address indexed newGovernor);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant GOVERNOR = keccak256("OUSD.governor");

    constructor(address target, address governor) {
        _write(LOGIC, target);
        _write(GOVERNOR, governor);
    }

    function upgradeTo(address target) external {
        _write(LOGIC, target);
        emit Upgraded(target);
    }

    function claimGovernance() external {
        emit GovernorshipTransferred(_read(GOVERNOR), msg.sender);
        _write(GOVERNOR, msg.sender);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// StarkWare's Proxy: its own slot (the misspelling is theirs), announced and upgraded.
contract StarkLike is Delegating {
    event ImplementationAdded(address indexed implementation, bytes initializer, bool finalize);
    event ImplementationUpgraded(address indexed implementation, bytes initializer);

    bytes32 private constant LOGIC = keccak256("StarkWare2019.implemntation-slot");

    constructor(address target) {
        _write(LOGIC, target);
    }

    function addImplementation(address target) external {
        emit ImplementationAdded(target, "", false);
    }

    function upgradeTo(address target) external {
        _write(LOGIC, target);
        emit ImplementationUpgraded(target, "");
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// Maple's Proxied instances: EIP-1967 slot and a factory beside it; the log tells a version, not an address.
contract MapleLike is Delegating {
    event Upgraded(uint256 toVersion, bytes upgradeArguments);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant FACTORY = bytes32(uint256(keccak256("eip1967.proxy.factory")) - 1);

    constructor(address target, address factory) {
        _write(LOGIC, target);
        _write(FACTORY, factory);
    }

    function upgrade(address target) external {
        emit Upgraded(2, "");
        _write(LOGIC, target);
    }

    function _target() internal view override returns (address) {
        return _read(LOGIC);
    }
}

// POA's and Omnibridge's upgradeability owner: target and owner in storage of its own, told with a version.
contract OwnedLike is Delegating {
    event Upgraded(uint256 version, address indexed implementation);

    uint256[7] private _before;
    uint256 private _version;
    address private _implementation;
    address public upgradeabilityOwner;

    constructor(address target, address owner) {
        _implementation = target;
        upgradeabilityOwner = owner;
    }

    function implementation() external view returns (address) {
        return _implementation;
    }

    function upgradeTo(address target) external {
        _version++;
        _implementation = target;
        emit Upgraded(_version, target);
    }

    function _target() internal view override returns (address) {
        return _implementation;
    }
}

// Aragon's KernelProxy and AppProxyUpgradeable (ERC-897): the kernel keeps its own code and that of its applications.
contract KernelLike is Delegating {
    event SetApp(bytes32 indexed namespace, bytes32 indexed appId, address app);

    mapping(bytes32 => address) public apps;
    address public acl;

    constructor(address target) {
        apps[0] = target;
        acl = msg.sender;
    }

    function setApp(bytes32 appId, address app) external {
        apps[appId] = app;
        emit SetApp(keccak256("base"), appId, app);
    }

    function implementation() external view returns (address) {
        return apps[0];
    }

    function proxyType() external pure returns (uint256) {
        return 2;
    }

    function _target() internal view override returns (address) {
        return apps[0];
    }
}

contract AppLike is Delegating {
    bytes32 private immutable _id;

    constructor(KernelLike from, bytes32 id) {
        _write(keccak256("aragonOS.appStorage.kernel"), address(from));
        _id = id;
    }

    function implementation() external view returns (address) {
        return _target();
    }

    function proxyType() external pure returns (uint256) {
        return 2;
    }

    function _target() internal view override returns (address) {
        return KernelLike(payable(_read(keccak256("aragonOS.appStorage.kernel")))).apps(_id);
    }
}

// Biconomy's Proxy: the target in the slot of its own number.
contract OwnSlot {
    constructor(address target) {
        assembly {
            sstore(address(), target)
        }
    }

    receive() external payable {}

    fallback() external payable {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(address()), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}

// The legacy dispatcher: an owner, and the target in slot 1, without a getter or a log.
contract Dispatching is Delegating {
    address private _owner;
    address private _dist;

    constructor(address target) {
        _owner = msg.sender;
        _dist = target;
    }

    function replace(address target) external {
        _dist = target;
    }

    function _target() internal view override returns (address) {
        return _dist;
    }
}

// No proxy at all, with the names of one: a registry of implementations that it calls for nobody.
contract Registry {
    event Registered(address implementation);

    address public owner;
    address public implementation;
    address public getImplementation;
    address public target;

    constructor(address first) {
        owner = msg.sender;
        implementation = getImplementation = target = first;
    }

    function register(address next) external {
        implementation = getImplementation = target = next;
        emit Registered(next);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(implementation);
    }
}
